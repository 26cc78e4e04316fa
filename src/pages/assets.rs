//! What pages load: one stylesheet and one icon, embedded, at addresses that change with their content, so that both
//! may be kept for ever (`Cache-Control: public, max-age=31536000, immutable`).

use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

/// Characters of the hash in an address.
const HASH_CHARS: usize = 16;

/// The stylesheet of every page.
pub static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", "text/css; charset=utf-8", include_bytes!("style.css")));

/// The icon, which is also the mark beside the name.
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("icon.svg")));

/// Something embedded that pages load.
#[derive(Debug)]
pub struct Asset {
    path: String,
    content_type: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(name: &str, extension: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let mut hash = String::new();
        for byte in Sha256::digest(bytes).iter().take(HASH_CHARS / 2) {
            // Writing to a `String` cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        Self { path: format!("/assets/{name}-{hash}.{extension}"), content_type, bytes }
    }

    /// Its address.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its `Content-Type`.
    pub const fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// Its bytes.
    pub const fn bytes(&self) -> &'static [u8] {
        self.bytes
    }
}
