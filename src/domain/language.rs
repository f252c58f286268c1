//! What a visitor prefers to read.

/// Does the most preferred language of `Accept-Language` match the range?
pub fn prefers(accept_language: &str, range: &str) -> bool {
    let first = accept_language.split([',', ';']).next().unwrap_or_default();
    let first = first.trim();
    first.len() >= range.len()
        && first
            .get(..range.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(range))
        && matches!(first.as_bytes().get(range.len()), None | Some(b'-'))
}
