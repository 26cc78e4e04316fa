//! Unefois: people give their information to the State once.
