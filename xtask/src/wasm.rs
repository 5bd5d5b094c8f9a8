//! As much of the WebAssembly binary format as it takes to list a module's imports, to rename them and what it exports,
//! and to leave out sections for debuggers
//! (<https://webassembly.github.io/spec/core/binary/modules.html>). Judges nothing.

/// The module and field names of every import.
///
/// # Errors
/// A sentence, when this is no WebAssembly module or is cut short.
pub(crate) fn imports(module: &[u8]) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for section in sections(module)?.iter().filter(|section| section.id == IMPORT_SECTION) {
        names.extend(import_entries(section)?.iter().map(|import| format!("{}.{}", import.module, import.field)));
    }
    Ok(names)
}

/// The field names of every import, and the names of every export.
///
/// # Errors
/// As [`imports`].
pub(crate) fn names(module: &[u8]) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for section in sections(module)? {
        match section.id {
            IMPORT_SECTION => names.extend(import_entries(&section)?.into_iter().map(|import| import.field)),
            EXPORT_SECTION => names.extend(export_entries(&section)?.into_iter().map(|export| export.name)),
            _ => {}
        }
    }
    Ok(names)
}

/// The same module, with each of its [`names`] as `rename` has it.
///
/// # Errors
/// As [`imports`].
pub(crate) fn renamed(module: &[u8], rename: impl Fn(&str) -> String) -> Result<Vec<u8>, String> {
    let mut written = HEADER.to_vec();
    for section in sections(module)? {
        let entries: Vec<_> = match section.id {
            IMPORT_SECTION => import_entries(&section)?
                .iter()
                .map(|import| [&text(&import.module)[..], &text(&rename(&import.field)), import.what].concat())
                .collect(),
            EXPORT_SECTION => {
                export_entries(&section)?.iter().map(|export| [&text(&rename(&export.name))[..], export.what].concat()).collect()
            }
            _ => {
                written.extend(section.whole);
                continue;
            }
        };
        let body = [number(entries.len()), entries.concat()].concat();
        written.push(section.id);
        written.extend(number(body.len()));
        written.extend(body);
    }
    Ok(written)
}

/// The same module without the names of its functions and of the tools that made it.
///
/// # Errors
/// As [`imports`].
pub(crate) fn without_names(module: &[u8]) -> Result<Vec<u8>, String> {
    let mut kept = HEADER.to_vec();
    for section in sections(module)? {
        let for_debuggers =
            section.id == CUSTOM_SECTION && ["name", "producers"].contains(&Reader(section.body).name()?.as_str());
        if !for_debuggers {
            kept.extend(section.whole);
        }
    }
    Ok(kept)
}

/// The magic number and version 1.
const HEADER: &[u8; 8] = b"\0asm\x01\0\0\0";

struct Section<'a> {
    id: u8,
    /// With id and length.
    whole: &'a [u8],
    body: &'a [u8],
}

fn sections(module: &[u8]) -> Result<Vec<Section<'_>>, String> {
    let mut rest = Reader(module);
    if rest.take(HEADER.len())? != HEADER {
        return Err("not a WebAssembly module, version 1".to_owned());
    }
    let mut sections = Vec::new();
    while !rest.0.is_empty() {
        let start = rest.0;
        let id = rest.take(1)?[0];
        let length = rest.number()?;
        let body = rest.take(length)?;
        sections.push(Section { id, whole: &start[..start.len() - rest.0.len()], body });
    }
    Ok(sections)
}

const CUSTOM_SECTION: u8 = 0;
const IMPORT_SECTION: u8 = 2;
const EXPORT_SECTION: u8 = 7;

struct Import<'a> {
    module: String,
    field: String,
    /// Its kind and type.
    what: &'a [u8],
}

fn import_entries<'a>(section: &Section<'a>) -> Result<Vec<Import<'a>>, String> {
    let mut rest = Reader(section.body);
    let mut entries = Vec::new();
    for _ in 0..rest.number()? {
        let (module, field, start) = (rest.name()?, rest.name()?, rest.0);
        match rest.take(1)?[0] {
            0 => drop(rest.number()?), // a function: its type's index
            1 => {
                rest.take(1)?; // a table: the type of its elements, then limits
                rest.limits()?;
            }
            2 => rest.limits()?,                        // a memory
            3 => drop(rest.take(2)?),                   // a global: type and mutability
            4 => drop((rest.take(1)?, rest.number()?)), // a tag
            kind => return Err(format!("an import of unknown kind {kind}")),
        }
        entries.push(Import { module, field, what: &start[..start.len() - rest.0.len()] });
    }
    Ok(entries)
}

struct Export<'a> {
    name: String,
    /// Its kind and index.
    what: &'a [u8],
}

fn export_entries<'a>(section: &Section<'a>) -> Result<Vec<Export<'a>>, String> {
    let mut rest = Reader(section.body);
    let mut entries = Vec::new();
    for _ in 0..rest.number()? {
        let (name, start) = (rest.name()?, rest.0);
        rest.take(1)?;
        rest.number()?;
        entries.push(Export { name, what: &start[..start.len() - rest.0.len()] });
    }
    Ok(entries)
}

/// As [`Reader::number`] reads it.
fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// As [`Reader::name`] reads it.
fn text(text: &str) -> Vec<u8> {
    [&number(text.len())[..], text.as_bytes()].concat()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("the module is cut short")?;
        self.0 = rest;
        Ok(taken)
    }

    /// An unsigned number in LEB128 of at most 32 bits.
    fn number(&mut self) -> Result<usize, String> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.take(1)?[0];
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).map_err(|error| error.to_string());
            }
        }
        Err("a number of more than 32 bits".to_owned())
    }

    fn name(&mut self) -> Result<String, String> {
        let length = self.number()?;
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn limits(&mut self) -> Result<(), String> {
        let has_maximum = self.take(1)?[0] & 1 == 1;
        self.number()?;
        if has_maximum {
            self.number()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_of_every_kind_are_listed() {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend([0, 3, 2, b'h', b'i']); // a custom section before it
        let section = [
            &[3][..],
            &[1, b'e', 2, b'f', b'n', 0, 0x80, 1],
            &[1, b'e', 3, b'm', b'e', b'm', 2, 1, 1, 2],
            &[1, b'e', 1, b'g', 3, 0x7f, 0],
        ]
        .concat();
        module.extend([2, u8::try_from(section.len()).expect("short")]);
        module.extend(section);
        assert_eq!(imports(&module), Ok(vec!["e.fn".to_owned(), "e.mem".to_owned(), "e.g".to_owned()]));
    }

    #[test]
    fn imports_and_exports_take_other_names_and_nothing_else_changes() {
        let [types, function, export]: [&[u8]; 3] =
            [b"\x01\x01\x00", b"\x02\x08\x01\x01e\x02fn\x00\x05", b"\x07\x05\x01\x01g\x00\x00"];
        let module = [HEADER, types, function, export].concat();
        assert_eq!(names(&module), Ok(vec!["fn".to_owned(), "g".to_owned()]));
        assert_eq!(renamed(&module, str::to_owned), Ok(module.clone()));
        let long = "n".repeat(200); // Its length takes two bytes, and so does the section's.
        let other = renamed(&module, |name| if name == "fn" { long.clone() } else { "h".to_owned() }).expect("a module");
        assert_eq!(names(&other), Ok(vec![long, "h".to_owned()]));
        assert_eq!(imports(&other).expect("a module").len(), 1);
        assert!(renamed(&module[..module.len() - 1], str::to_owned).is_err());
    }

    #[test]
    fn names_go_and_everything_else_stays() {
        let [types, names, made_by, features]: [&[u8]; 4] =
            [b"\x01\x01\x00", b"\x00\x06\x04nameX", b"\x00\x0b\x09producersY", b"\x00\x03\x02hi"];
        let module = [HEADER, types, names, made_by, features].concat();
        assert_eq!(without_names(&module), Ok([HEADER, types, features].concat()));
        assert!(without_names(&module[..module.len() - 1]).is_err());
    }

    #[test]
    fn a_module_without_imports_has_none_and_a_broken_one_is_an_error() {
        assert_eq!(imports(b"\0asm\x01\0\0\0"), Ok(Vec::new()));
        assert!(imports(b"\0asm\x01\0\0\0\x02\x7f").is_err());
        assert!(imports(b"<html>").is_err());
    }
}
