//! Where the page's files come from.

use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::refused::{Refused, Tried};

/// Why a folder cannot serve as the page's.
#[derive(Debug, thiserror::Error)]
pub enum AssetsError {
    /// It cannot be opened.
    #[error("{0}")]
    Unreadable(Refused),
    /// It holds no page.
    #[error("it holds no index.html; build it first")]
    NoIndex,
}

/// What a server says that was built without a page.
const NO_PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Dais</title>\
    <h1>This server carries no page</h1>\
    <p>It was built without the client. Build everything with <code>cargo xtask run</code>, \
    or serve a built page with <code>dais --web-dir dist</code>.</p>";
/// And one whose folder has lost it.
const PAGE_GONE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Dais</title>\
    <h1>The page is not there at the moment</h1>\
    <p>The folder that <code>--web-dir</code> names holds no <code>index.html</code> any more, or the server may not read it. \
    Whoever runs this server has to put it back.</p>";

/// A file's bytes and their SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) bytes: Bytes,
    pub(super) digest: [u8; 32],
}

/// The page's files.
#[derive(Debug)]
pub(crate) enum Assets {
    /// Read anew at each request, so that a page rebuilt meanwhile shows.
    Folder(PathBuf),
    /// Inside this binary.
    #[cfg(feature = "embedded-client")]
    Embedded,
    /// Nowhere.
    #[cfg(not(feature = "embedded-client"))]
    Absent,
}

#[cfg(feature = "embedded-client")]
#[derive(rust_embed::Embed)]
#[folder = "../dist"]
struct Embedded;

impl Assets {
    /// The folder's files, or without one those in the binary.
    ///
    /// # Errors
    /// [`AssetsError`] if there is no page in the folder.
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self, AssetsError> {
        match folder {
            Some(folder) => {
                let refused = |error| AssetsError::Unreadable(Refused::new(folder, Tried::Read, &error));
                // The index too has to be readable, and the folder one.
                let folder = folder.canonicalize().and_then(|path| std::fs::read_dir(&path).map(|_| path)).map_err(refused)?;
                if folder.join(super::INDEX).is_file() { Ok(Self::Folder(folder)) } else { Err(AssetsError::NoIndex) }
            }
            #[cfg(feature = "embedded-client")]
            None => Ok(Self::Embedded),
            #[cfg(not(feature = "embedded-client"))]
            None => Ok(Self::Absent),
        }
    }

    /// What there is to say where there is no page.
    pub(super) const fn without_page(&self) -> &'static str {
        match self {
            Self::Folder(_) => PAGE_GONE,
            #[cfg(feature = "embedded-client")]
            Self::Embedded => NO_PAGE,
            #[cfg(not(feature = "embedded-client"))]
            Self::Absent => NO_PAGE,
        }
    }

    /// A file. `None` if there is none of that name, or the name leads anywhere else.
    pub(super) async fn read(&self, name: &str) -> Option<File> {
        match self {
            Self::Folder(folder) => read_within(folder, name).await,
            #[cfg(feature = "embedded-client")]
            Self::Embedded => Embedded::get(name).map(|file| {
                let digest = file.metadata.sha256_hash();
                let bytes = match file.data {
                    std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                    std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
                };
                File { bytes, digest }
            }),
            #[cfg(not(feature = "embedded-client"))]
            Self::Absent => None,
        }
    }
}

/// A file below `folder`, wherever links lead.
async fn read_within(folder: &Path, name: &str) -> Option<File> {
    let is_plain = Path::new(name).components().all(|component| matches!(component, Component::Normal(_)));
    if !is_plain || name.contains(['\\', '\0']) {
        return None;
    }
    let path = tokio::fs::canonicalize(folder.join(name)).await.ok()?;
    if !path.starts_with(folder) {
        return None;
    }
    let bytes = Bytes::from(tokio::fs::read(path).await.ok()?);
    Some(File { digest: Sha256::digest(&bytes).into(), bytes })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[tokio::test]
    async fn no_name_leads_out_of_the_folder() {
        let root = std::env::temp_dir().join(format!("dais-assets-{}", std::process::id()));
        let folder = root.join("dist");
        std::fs::create_dir_all(folder.join("css")).unwrap();
        std::fs::write(root.join("secret"), "secret").unwrap();
        std::fs::write(folder.join("index.html"), "page").unwrap();
        std::fs::write(folder.join("css/a.css"), "style").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.join("secret"), folder.join("link")).unwrap();
        let assets = Assets::open(Some(&folder)).unwrap();
        let style = assets.read("css/a.css").await.unwrap();
        assert_eq!((&style.bytes[..], style.digest), (&b"style"[..], Sha256::digest(b"style").into()));
        for name in ["../secret", "css/../../secret", "/etc/hostname", "link", "", ".", "css", "..\\secret", "a\0"] {
            assert_eq!(assets.read(name).await, None, "{name:?}");
        }
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_folder_without_a_page_is_refused() {
        assert!(matches!(Assets::open(Some(&std::env::temp_dir().join("dais-nowhere"))), Err(AssetsError::Unreadable(_))));
    }
}
