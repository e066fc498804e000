use super::*;
use proptest::prelude::*;

const BYTES_MAX: usize = 1 << 20;

fn html(document: &[u8]) -> String {
    html_of(document, BYTES_MAX)
}

/// [MS-OXRTFEX] 4.1 in its essentials: markup in groups, text beside it, repetitions for readers
/// that don't know of HTML.
const ENCLOSING: &[u8] = b"{\\rtf1\\ANSI\\ansicpg1251\\fromhtml1 \\deff0\r\n\
    {\\fonttbl {\\f0\\fmodern Courier New;}{\\f1\\fswiss Arial;}{\\f2\\fswiss\\fcharset0 Arial;}}\r\n\
    {\\colortbl\\red0\\green0\\blue0;\\red0\\green0\\blue255;}\r\n\
    {\\*\\htmltag64}\r\n\\uc1\\pard\\plain\\deftab360 \\f0\\fs24\r\n\
    {\\*\\htmltag <HTML><head>\\par\r\n<style>\\par\r\n<!--\\par\r\n /* Style Definitions */\\par\r\n\
    p.MsoNormal, li.MsoNormal \\{font-family:Arial;\\}\\par\r\n-->\\par\r\n</style>\\par\r\n\\tab \
    <!-- This is a HTML comment.\\par\r\nThere is a horizontal tab (%x09) character before the \
    comment, \\par\r\nand some new line inside the comment. -->\\par\r\n</head>\\par\r\n<body>\\par\r\n\
    <p\\par\r\nclass=\"MsoNormal\">}\r\n{\\htmlrtf \\f1 \\htmlrtf0 Note the line break inside a P tag. \
    {\\*\\htmltag <b>}{\\htmlrtf \\b \\htmlrtf0 This is a bold text{\\*\\htmltag </b>}} \\htmlrtf\\par\
    \\htmlrtf0}\r\n\\htmlrtf \\par \\htmlrtf0\r\n{\\*\\htmltag </p>\\par\r\n<p class=\"MsoNormal\">\\par}\r\n\
    {\\htmlrtf \\f1 \\htmlrtf0 This is a normal text with a character references:\r\n\
    {\\*\\htmltag &nbsp;}\\htmlrtf \\'a0\\htmlrtf0  {\\*\\htmltag &lt;}\\htmlrtf <\\htmlrtf0  \
    {\\*\\htmltag &uml;}\\htmlrtf {\\f2\\'a8}\\htmlrtf0{\\*\\htmltag <br>\\par}\\htmlrtf\\line\\htmlrtf0\r\n\
    characters which have special meaning in RTF: \\{\\}\\\\{\\*\\htmltag <br>\\par}\\htmlrtf\\line\
    \\htmlrtf0\\htmlrtf\\par\\htmlrtf0}{\\*\\htmltag </p>\\par\r\n</body>\\par\r\n</HTML>}}";

#[test]
fn the_example_of_the_specification_gives_its_html() {
    let wanted = "<HTML><head>\r\n<style>\r\n<!--\r\n /* Style Definitions */\r\n\
        p.MsoNormal, li.MsoNormal {font-family:Arial;}\r\n-->\r\n</style>\r\n\t\
        <!-- This is a HTML comment.\r\nThere is a horizontal tab (%x09) character before the \
        comment, \r\nand some new line inside the comment. -->\r\n</head>\r\n<body>\r\n<p\r\n\
        class=\"MsoNormal\">Note the line break inside a P tag. <b>This is a bold text</b> </p>\r\n\
        <p class=\"MsoNormal\">\r\nThis is a normal text with a character references:&nbsp; &lt; \
        &uml;<br>\r\ncharacters which have special meaning in RTF: {}\\<br>\r\n</p>\r\n</body>\r\n\
        </HTML>";
    assert_eq!(Enclosed::of(ENCLOSING), Enclosed::Html);
    assert_eq!(html(ENCLOSING), wanted);
}

#[test]
fn bytes_are_read_in_the_code_page_of_their_font() {
    let document = b"{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 {\\fonttbl{\\f0\\fcharset204 Arial;}\
        {\\f1\\fcharset128 MS Gothic;}}{\\f0 \\'cf\\'f0}{\\f1 \\'82\\'b1}\\'e4\\u8364 ?\\u-10179?\
        \\u-8704?{\\*\\htmltag <p a=\"\\'fc\">}}";
    assert_eq!(html(document), "Прこä€😀<p a=\"ü\">");
}

#[test]
fn the_plain_text_of_a_document_is_what_old_readers_show() {
    let document = b"{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}{\\info{\\title x}}Hello\\par\r\n\
        \\b world\\b0\\tab 1\\line{\\*\\unknown hidden}{\\pict 00ff}\\'80\\~x\\uc2\\u228 ae!}";
    assert_eq!(
        text_of(document, BYTES_MAX),
        "Hello\r\nworld\t1\r\n€\u{a0}xä!"
    );
    assert_eq!(text_of(document, 7), "Hello\r\n");
    assert_eq!(text_of(b"no document", BYTES_MAX), "");
}

#[test]
fn html_is_made_of_how_a_document_looks() {
    let document = b"{\\rtf1\\ansi a{\\b b\\i c}<d>\\par e}";
    let wanted = "<html><body>\r\na<b>b</b><b><i>c</i></b>&lt;d&gt;<br>\r\ne\r\n</body></html>\r\n";
    assert_eq!(html(document), wanted);
}

#[test]
fn a_plain_text_comes_out_of_the_document_that_encloses_it() {
    let text = "Grüße {\\}\tx\r\n\r\n😀";
    let document = enclosing_text(text);
    assert_eq!(Enclosed::of(&document), Enclosed::Text);
    assert_eq!(text_of(&document, BYTES_MAX), text);
}

#[test]
fn readers_without_html_see_the_words_in_their_lines() {
    let document = enclosing_html("<p>One <b>two</b> &amp; three</p><p>four<br>five</p>");
    assert_eq!(
        text_of(&document, BYTES_MAX),
        "One two & three\r\nfour\r\nfive\r\n"
    );
}

#[test]
fn groups_without_end_are_read_without_recursion() {
    let document = [b"{\\rtf1 a".as_slice(), &b"{".repeat(100_000), b"b"].concat();
    assert_eq!(text_of(&document, BYTES_MAX), "a");
}

proptest! {
    #[test]
    fn html_comes_out_of_the_document_that_encloses_it(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "<p>", "</p>", "<br>", "text ", "\r\n", "&nbsp;", "&", "<", "ü", "😀", "{", "}", "\\",
            "<style>p{a:b}</style>", "<!-- c\r\n -->", "\t", "<a href=\"x\r\ny\">", "&lt;", " ", "'",
        ]), 0..40),
    ) {
        let page = pieces.concat();
        prop_assert_eq!(html(&enclosing_html(&page)), page);
    }
}
