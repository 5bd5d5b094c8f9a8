//! `index.html` is written for Trunk. This reads as much of that as this project's uses, and writes the page that Trunk makes of
//! it: building Trunk takes longer than building everything else, and only `trunk serve` needs it. What it does not know it
//! refuses. Knows texts, no files; `cargo xtask test trunk` compares it with Trunk.

use std::collections::BTreeMap;

use crate::Result;

/// `index.html`, cut up at what Trunk acts on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source<'a>(Vec<Piece<'a>>);

#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Link(Asset<'a>),
}

/// What one `<link data-trunk>` asks for. Paths are those of `href`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asset<'a> {
    /// The program the page starts: a module and its script.
    Main(&'a str),
    /// A program that the page starts as a worker, by its name.
    Worker(&'a str),
    Icon(&'a str),
    Stylesheet(&'a str),
    /// Copied as it is, and known to the page by its name.
    File(&'a str),
}

impl<'a> Source<'a> {
    /// Reads `index.html`.
    ///
    /// # Errors
    /// What it asks of Trunk that is unknown here.
    pub(crate) fn read(html: &'a str) -> Result<Self> {
        let mut pieces = Vec::new();
        let (mut text, mut rest) = (html, html);
        while let Some(start) = rest.find("<link ").into_iter().chain(rest.find("<!--")).min() {
            if rest[start..].starts_with("<!--") {
                rest = rest[start..].split_once("-->").ok_or("index.html has a comment without an end")?.1;
                continue;
            }
            let (attributes, after) = attributes(&rest[start + "<link".len()..])?;
            if attributes.contains_key("data-trunk") {
                pieces.push(Piece::Text(&text[..text.len() - rest.len() + start]));
                pieces.push(Piece::Link(asset(attributes)?));
                text = after;
            }
            rest = after;
        }
        pieces.push(Piece::Text(text));
        Ok(Source(pieces))
    }

    /// Everything the page is made of, in its order.
    pub(crate) fn assets(&self) -> impl Iterator<Item = &Asset<'a>> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Link(asset) => Some(asset),
        })
    }

    /// The names of the programs.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &'a str> {
        self.assets().filter_map(|asset| match asset {
            Asset::Main(name) | Asset::Worker(name) => Some(*name),
            Asset::Icon(_) | Asset::Stylesheet(_) | Asset::File(_) => None,
        })
    }

    /// The page, which finds each asset under the name it was given; a program's is without extension.
    ///
    /// # Errors
    /// When there is not one main program in one head.
    pub(crate) fn page(&self, name: impl Fn(&Asset<'_>) -> String) -> Result<String> {
        let mut page = String::new();
        let mut mains = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => page += text,
                Piece::Link(asset @ Asset::Main(_)) => {
                    page += &starter(&name(asset));
                    mains.push(name(asset));
                }
                Piece::Link(asset @ Asset::Icon(_)) => page += &format!("<link rel=\"icon\" href=\"/{}\"/>", name(asset)),
                Piece::Link(asset @ Asset::Stylesheet(_)) => {
                    page += &format!("<link rel=\"stylesheet\" href=\"/{}\"/>", name(asset));
                }
                Piece::Link(Asset::Worker(_) | Asset::File(_)) => {}
            }
        }
        let [main] = &mains[..] else { return Err("index.html names more or less than one main program".to_owned()) };
        let (head, body) = page.split_once("</head>").ok_or("index.html has no head")?;
        Ok(format!("{head}{}</head>{body}", preloads(main)))
    }
}

/// What a worker is started by: it loads the script, and that the module.
pub(crate) fn worker_loader(name: &str) -> String {
    format!("import init from './{name}.js';await init();")
}

/// The script of the page that starts the main program.
fn starter(name: &str) -> String {
    format!(
        "\n<script type=\"module\">\nimport init, * as bindings from '/{name}.js';\n\
         const wasm = await init({{ module_or_path: '/{name}_bg.wasm' }});\n\n\n\
         window.wasmBindings = bindings;\n\n\n\
         dispatchEvent(new CustomEvent(\"TrunkApplicationStarted\", {{detail: {{wasm}}}}));\n\n</script>"
    )
}

/// What the browser fetches before it has read the script that asks for it.
fn preloads(name: &str) -> String {
    format!(
        "<link rel=\"modulepreload\" href=\"/{name}.js\" crossorigin=\"anonymous\">\
         <link rel=\"preload\" href=\"/{name}_bg.wasm\" crossorigin=\"anonymous\" as=\"fetch\" type=\"application/wasm\">"
    )
}

type Attributes<'a> = BTreeMap<&'a str, &'a str>;

/// The attributes of a tag, and what stands behind it. One without a value has an empty one.
fn attributes(tag: &str) -> Result<(Attributes<'_>, &str)> {
    let mut attributes = Attributes::new();
    let mut rest = tag.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix("/>").or_else(|| rest.strip_prefix('>')) {
            return Ok((attributes, after));
        }
        let end = rest.find(|letter: char| letter.is_whitespace() || "=/>".contains(letter)).unwrap_or(0);
        let (name, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"').ok_or("index.html has a value without an end")?,
            None => ("", after),
        };
        if name.is_empty() || after.starts_with('=') {
            let line = rest.lines().next().unwrap_or_default();
            return Err(format!("index.html has a link that xtask/src/page.rs cannot read, at: {line}"));
        }
        attributes.insert(name, value);
        rest = after.trim_start();
    }
}

fn asset<'a>(mut attributes: Attributes<'a>) -> Result<Asset<'a>> {
    let unknown = |name: &str, value: &str| {
        Err(format!("index.html: Trunk may know what {name}=\"{value}\" is, xtask/src/page.rs does not; teach it"))
    };
    let rel = attributes.remove("rel").unwrap_or_default();
    let href = attributes.remove("href").unwrap_or_default();
    attributes.remove("data-trunk");
    let asset = match rel {
        "rust" => program(&mut attributes)?,
        "icon" => {
            // Trunk leaves it out of the page, and browsers go by the response's header.
            attributes.remove("type");
            Asset::Icon(href)
        }
        "css" => Asset::Stylesheet(href),
        "copy-file" => Asset::File(href),
        other => return unknown("rel", other),
    };
    match attributes.first_key_value() {
        Some((name, value)) => unknown(name, value),
        None => Ok(asset),
    }
}

/// What is left in `attributes` is unknown.
fn program<'a>(attributes: &mut Attributes<'a>) -> Result<Asset<'a>> {
    let mut is = |name: &str, value: &str| attributes.get(name) == Some(&value) && attributes.remove(name).is_some();
    // Which profile is up to who builds, and wasm-opt is not run.
    is("data-cargo-profile-release", "wasm");
    is("data-wasm-opt", "0");
    let main = is("data-type", "main");
    let worker = is("data-type", "worker") && is("data-bindgen-target", "web") && is("data-loader-shim", "");
    let name = attributes.remove("data-bin").unwrap_or_default();
    match (main, worker) {
        (true, false) => Ok(Asset::Main(name)),
        (false, true) => Ok(Asset::Worker(name)),
        _ => {
            Err("index.html has a program that is neither data-type=\"main\" nor a worker with data-bindgen-target=\"web\" and \
                  data-loader-shim"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTML: &str = "<head>\n  <!-- <link data-trunk rel=\"css\" href=\"no.css\" /> -->\n  <link rel=\"me\" href=\"/\">\n\
        \x20 <link data-trunk rel=\"rust\" href=\"client/Cargo.toml\" data-bin=\"app\" data-type=\"main\"\n    data-wasm-opt=\"0\" />\n\
        \x20 <link data-trunk rel=\"rust\" href=\"client/Cargo.toml\" data-bin=\"worker\" data-type=\"worker\" \
        data-bindgen-target=\"web\" data-loader-shim data-cargo-profile-release=\"wasm\" />\n\
        \x20 <link data-trunk rel=\"icon\" href=\"i/dais.svg\" type=\"image/svg+xml\" />\n\
        \x20 <link data-trunk rel=\"css\" href=\"s/a.css\" />\n  <link data-trunk rel=\"copy-file\" href=\"w/play.js\" />\n</head>\n<body></body>\n";

    /// As Trunk 0.21.14 makes it.
    const PAGE: &str = "<head>\n  <!-- <link data-trunk rel=\"css\" href=\"no.css\" /> -->\n  <link rel=\"me\" href=\"/\">\n  \n\
        <script type=\"module\">\nimport init, * as bindings from '/app-1.js';\n\
        const wasm = await init({ module_or_path: '/app-1_bg.wasm' });\n\n\nwindow.wasmBindings = bindings;\n\n\n\
        dispatchEvent(new CustomEvent(\"TrunkApplicationStarted\", {detail: {wasm}}));\n\n</script>\n  \n\
        \x20 <link rel=\"icon\" href=\"/dais-1.svg\"/>\n  <link rel=\"stylesheet\" href=\"/a-1.css\"/>\n  \n\
        <link rel=\"modulepreload\" href=\"/app-1.js\" crossorigin=\"anonymous\">\
        <link rel=\"preload\" href=\"/app-1_bg.wasm\" crossorigin=\"anonymous\" as=\"fetch\" type=\"application/wasm\"></head>\n<body></body>\n";

    #[test]
    fn the_page_is_the_one_that_trunk_makes() {
        let source = Source::read(HTML).expect("readable");
        let assets: Vec<_> = source.assets().collect();
        let expected = [
            &Asset::Main("app"),
            &Asset::Worker("worker"),
            &Asset::Icon("i/dais.svg"),
            &Asset::Stylesheet("s/a.css"),
            &Asset::File("w/play.js"),
        ];
        assert_eq!(assets, expected);
        assert_eq!(source.programs().collect::<Vec<_>>(), ["app", "worker"]);
        let name = |asset: &Asset<'_>| match asset {
            Asset::Main(name) => format!("{name}-1"),
            Asset::Icon(_) => "dais-1.svg".to_owned(),
            Asset::Stylesheet(_) => "a-1.css".to_owned(),
            asset => panic!("{asset:?} has no place in the page"),
        };
        assert_eq!(source.page(name).as_deref(), Ok(PAGE));
    }

    #[test]
    fn this_projects_page_is_understood() {
        let html = std::fs::read_to_string(crate::project::root().join("index.html")).expect("readable");
        let source = Source::read(&html).expect("understood");
        assert_eq!(source.programs().collect::<Vec<_>>(), ["app", "worker"]);
        assert!(!source.page(|_| "x".to_owned()).expect("a page").contains("data-trunk"));
    }

    #[test]
    fn what_only_trunk_knows_is_refused_by_name() {
        let refused = |from: &str, to: &str| Source::read(&HTML.replace(from, to)).err();
        for (from, to, told) in [
            ("rel=\"css\" href=\"s", "rel=\"scss\" href=\"s", "scss"),
            ("href=\"s/a.css\"", "href=\"s/a.css\" data-integrity=\"sha256\"", "data-integrity"),
            ("data-wasm-opt=\"0\"", "data-wasm-opt=\"z\"", "data-wasm-opt"),
            ("data-loader-shim", "", "data-loader-shim"),
            ("data-bin=\"app\"", "data-bin='app'", "data-bin='app'"),
            ("no.css\" /> -->", "no.css\" />", "without an end"),
            ("/play.js\"", "/play.js", "a value without an end"),
        ] {
            let sentence = refused(from, to).unwrap_or_else(|| panic!("{to} is accepted"));
            assert!(sentence.contains(told), "{sentence}");
        }
        let without_main =
            HTML.replace("data-type=\"main\"", "data-type=\"worker\" data-bindgen-target=\"web\" data-loader-shim");
        assert!(Source::read(&without_main).expect("readable").page(|_| String::new()).is_err());
    }
}
