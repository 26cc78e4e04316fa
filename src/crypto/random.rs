//! Random bytes from the operating system, and from nowhere else.

use ring::rand::{SecureRandom, SystemRandom};

/// The system's random source does not answer. Nothing secret can be made until it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system's random source does not answer")]
pub struct Unavailable;

/// Draws `N` random bytes, fit for keys, blinds, nonces and identifiers.
pub fn random<const N: usize>() -> Result<[u8; N], Unavailable> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Unavailable)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        assert_ne!(random::<32>(), random::<32>());
    }
}
