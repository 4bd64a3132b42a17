//! Rust source with its comments and literals blanked out.
//!
//! Rules about code must not trip over prose: a comment may speak of `unsafe`, and the rule itself
//! holds the word in a string. So this is just enough of a lexer to know what is code: line and
//! nested block comments, strings with escapes, raw strings, and characters as against lifetimes.

/// Returns the source with every comment and literal replaced by blanks, line by line the same.
pub(super) fn only(source: &str) -> String {
    let mut rest = source;
    let mut code = String::with_capacity(source.len());
    while let Some(first) = rest.chars().next() {
        let length = blank_length(rest, code.chars().next_back());
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            let (blank, after) = rest.split_at(length);
            code.extend(blank.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = after;
        }
    }
    code
}

/// Tells whether the word stands in the code, not as a part of a longer name.
pub(super) fn has_word(code: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].ends_with(part_of_name) && !code[at + word.len()..].starts_with(part_of_name)
    })
}

/// Returns the length of the comment or literal at the start of `rest`; 0 if there is none.
fn blank_length(rest: &str, before: Option<char>) -> usize {
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        block_comment(rest)
    } else if rest.starts_with('"') {
        string(rest, 1)
    } else if rest.starts_with('\'') {
        character(rest)
    } else if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        0 // An r inside a name does not start a raw string.
    } else {
        raw_string(rest)
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_u32;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// A string whose content starts at `from`.
fn string(rest: &str, from: usize) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip_while(|(at, _)| *at < from) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> usize {
    let prefix = ["br", "cr", "r"]
        .into_iter()
        .find(|prefix| rest.starts_with(prefix));
    let Some(prefix) = prefix else { return 0 };
    let marks = rest[prefix.len()..]
        .chars()
        .take_while(|c| *c == '#')
        .count();
    let open = prefix.len() + marks;
    if !rest[open..].starts_with('"') {
        return 0; // A name, or r#name.
    }
    let close = format!("\"{}", "#".repeat(marks));
    let end = rest[open + 1..]
        .find(&close)
        .map(|at| open + 1 + at + close.len());
    end.unwrap_or(rest.len())
}

/// A character: 'x' or '\...'. A lifetime has no closing quote behind its first letter.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            let _escaped = chars.next();
            chars
                .find(|(_, c)| *c == '\'')
                .map_or(rest.len(), |(at, _)| at + 1)
        }
        Some(_) => chars
            .next()
            .filter(|(_, c)| *c == '\'')
            .map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank() {
        let source = "a // unsafe\nb /* x /* unsafe */ y */ c \"un\\\"safe\" d r#\"un\"safe\"# e";
        let code = only(source);
        assert_eq!(
            code.split_whitespace().collect::<Vec<_>>(),
            ["a", "b", "c", "d", "e"]
        );
        assert_eq!(code.lines().count(), source.lines().count());
    }

    #[test]
    fn characters_and_lifetimes_are_told_apart() {
        let words = |source| only(source).split_whitespace().collect::<String>();
        assert_eq!(words("f('\"', '\\'', 'ä') unsafe"), "f(,,)unsafe");
        assert_eq!(words("fn f<'a>(x: &'a str)"), "fnf<'a>(x:&'astr)");
        assert_eq!(words("for b in bar { r\"x\" }"), "forbinbar{}");
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("unsafe { }", "unsafe"));
        assert!(!has_word("#![forbid(unsafe_code)]", "unsafe"));
        assert!(!has_word("not_unsafe", "unsafe"));
    }
}
