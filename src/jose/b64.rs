//! base64url without padding (RFC 7515, section 2), in its one canonical form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::JoseError;

/// The text of some bytes.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a text. Padding, white space, foreign characters and stray last bits are refused, so that each byte
/// string has one text.
pub fn decode(text: &str) -> Result<Vec<u8>, JoseError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JoseError::Base64)
}

/// The bytes of a text that must hold exactly `N`.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], JoseError> {
    decode(text)?.try_into().map_err(|_| JoseError::Base64)
}

/// Appends the text of some bytes.
pub(super) fn append(text: &mut String, bytes: &[u8]) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_canonical_form_is_read() {
        assert_eq!(decode("_-8").unwrap(), [0xff, 0xef]);
        for bad in ["_-8=", "/+8", "_-9", "_", "_-8\n", " _-8", "_.8", "é"] {
            assert_eq!(decode(bad), Err(JoseError::Base64), "{bad}");
        }
        assert_eq!(decode_array::<3>("_-8"), Err(JoseError::Base64));
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn each_byte_string_has_one_text(text in "[A-Za-z0-9_-]{0,12}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(bytes), text);
            }
        }
    }
}
