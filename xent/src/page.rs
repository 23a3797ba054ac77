//! Pages that load nothing from elsewhere: what those of all commands have in common.

const STYLE: &str = include_str!("page.css");

/// A whole page: its title, what it is about as HTML, and its sections.
pub(crate) fn document(name: &str, date: &str, about: &str, sections: &str) -> String {
    let head = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}, {date}</title>\n<style>\n{STYLE}</style>\n</head>\n"
    );
    format!("{head}<body>\n<h1>{name}</h1>\n<p>{about}</p>\n{sections}</body>\n</html>")
}

/// Names and what they stand for, in a card.
pub(crate) fn definitions<'a>(lines: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let lines: String = lines.into_iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escaped(value))).collect();
    format!("<div class=\"card\"><dl>{lines}</dl></div>\n")
}

/// Text as HTML shows it.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        assert_eq!(escaped("a <b> & \"c\""), "a &lt;b&gt; &amp; &quot;c&quot;");
    }
}
