//! Languages by the numbers that Windows has for them, and by their tags.
//!
//! Source: [MS-LCID] 2.2 (the numbers), RFC 5646 (the tags), [MS-OXNSPI] 2.2.1.4 (the order of
//! names depends on it).

use engine::directory::ANY_LANGUAGE;

/// The bits of a number that say the language; the others say country and order.
const LANGUAGE_BITS: u32 = 0x3ff;

/// A number, and the tag of the language; that of a whole language before those of its countries.
const LANGUAGES: [(u32, &str); 98] = [
    (0x0401, "ar-SA"),
    (0x0402, "bg-BG"),
    (0x0403, "ca-ES"),
    (0x0404, "zh-TW"),
    (0x0405, "cs-CZ"),
    (0x0406, "da-DK"),
    (0x0407, "de-DE"),
    (0x0408, "el-GR"),
    (0x0409, "en-US"),
    (0x040a, "es-ES"),
    (0x040b, "fi-FI"),
    (0x040c, "fr-FR"),
    (0x040d, "he-IL"),
    (0x040e, "hu-HU"),
    (0x040f, "is-IS"),
    (0x0410, "it-IT"),
    (0x0411, "ja-JP"),
    (0x0412, "ko-KR"),
    (0x0413, "nl-NL"),
    (0x0414, "nb-NO"),
    (0x0415, "pl-PL"),
    (0x0416, "pt-BR"),
    (0x0417, "rm-CH"),
    (0x0418, "ro-RO"),
    (0x0419, "ru-RU"),
    (0x041a, "hr-HR"),
    (0x041b, "sk-SK"),
    (0x041c, "sq-AL"),
    (0x041d, "sv-SE"),
    (0x041e, "th-TH"),
    (0x041f, "tr-TR"),
    (0x0420, "ur-PK"),
    (0x0421, "id-ID"),
    (0x0422, "uk-UA"),
    (0x0423, "be-BY"),
    (0x0424, "sl-SI"),
    (0x0425, "et-EE"),
    (0x0426, "lv-LV"),
    (0x0427, "lt-LT"),
    (0x0429, "fa-IR"),
    (0x042a, "vi-VN"),
    (0x042b, "hy-AM"),
    (0x042c, "az-AZ"),
    (0x042d, "eu-ES"),
    (0x042e, "hsb-DE"),
    (0x042f, "mk-MK"),
    (0x0432, "tn-ZA"),
    (0x0436, "af-ZA"),
    (0x0437, "ka-GE"),
    (0x0438, "fo-FO"),
    (0x0439, "hi-IN"),
    (0x043a, "mt-MT"),
    (0x043b, "se-NO"),
    (0x083c, "ga-IE"),
    (0x043e, "ms-MY"),
    (0x043f, "kk-KZ"),
    (0x0440, "ky-KG"),
    (0x0441, "sw-KE"),
    (0x0443, "uz-UZ"),
    (0x0445, "bn-IN"),
    (0x0446, "pa-IN"),
    (0x0447, "gu-IN"),
    (0x0448, "or-IN"),
    (0x0449, "ta-IN"),
    (0x044a, "te-IN"),
    (0x044b, "kn-IN"),
    (0x044c, "ml-IN"),
    (0x044d, "as-IN"),
    (0x044e, "mr-IN"),
    (0x0450, "mn-MN"),
    (0x0452, "cy-GB"),
    (0x0453, "km-KH"),
    (0x0454, "lo-LA"),
    (0x0456, "gl-ES"),
    (0x045b, "si-LK"),
    (0x045e, "am-ET"),
    (0x046f, "kl-GL"),
    (0x0804, "zh-CN"),
    (0x0807, "de-CH"),
    (0x0809, "en-GB"),
    (0x080a, "es-MX"),
    (0x080c, "fr-BE"),
    (0x0810, "it-CH"),
    (0x0813, "nl-BE"),
    (0x0814, "nn-NO"),
    (0x0816, "pt-PT"),
    (0x0c04, "zh-HK"),
    (0x0c07, "de-AT"),
    (0x0c09, "en-AU"),
    (0x0c0a, "es-ES"),
    (0x0c0c, "fr-CA"),
    (0x1004, "zh-SG"),
    (0x1009, "en-CA"),
    (0x100c, "fr-CH"),
    (0x1409, "en-NZ"),
    (0x1809, "en-IE"),
    (0x1c09, "en-ZA"),
    (0x2c0a, "es-AR"),
];

/// Orders of their own, by language and number; other numbers have the usual one of their language.
const ORDERS: [(u32, &str); 5] = [
    (0x0001_0407, "de-u-co-phonebk"),
    (0x0000_040a, "es-u-co-trad"),
    (0x0002_0804, "zh-u-co-stroke"),
    (0x0000_0404, "zh-Hant"),
    (0x0003_0404, "zh-u-co-zhuyin"),
];

/// Languages whose dictionaries have the order of no language in particular.
const WITHOUT_ORDER: [&str; 15] = [
    "bg", "ca", "de", "en", "eu", "fr", "ga", "gl", "id", "it", "ms", "nl", "pt", "rm", "sw",
];

/// The number of the language with this tag; of a language without a country, its usual one.
pub fn language_number(tag: &str) -> Option<i32> {
    let exact = |known: &str| known.eq_ignore_ascii_case(tag);
    let usual = |known: &str| without_country(known).eq_ignore_ascii_case(tag);
    let found = match tag {
        // Chinese by itself is written as in the largest country.
        "zh" => find(|known| known == "zh-CN"),
        _ => find(exact).or_else(|| find(usual)),
    };
    found.and_then(|number| i32::try_from(number).ok())
}

/// The tag of the language with this number.
pub fn language_tag(number: i32) -> Option<&'static str> {
    let number = u32::try_from(number).ok()?;
    let found = LANGUAGES.iter().find(|(known, _)| *known == number);
    found.map(|(_, tag)| *tag)
}

/// The name (BCP 47) of the language in whose order words are to stand; `und` for all that have the
/// order of no language in particular, such as English, French and German.
pub fn language(locale: u32) -> &'static str {
    let by_order = ORDERS.iter().find(|(number, _)| *number == locale);
    let by_language = || {
        let bits = locale & LANGUAGE_BITS;
        let found = LANGUAGES
            .iter()
            .find(|(number, _)| number & LANGUAGE_BITS == bits);
        let name = found.map(|(_, tag)| without_country(tag));
        name.filter(|name| !WITHOUT_ORDER.contains(name))
    };
    by_order
        .map(|(_, name)| *name)
        .or_else(by_language)
        .unwrap_or(ANY_LANGUAGE)
}

fn find(is_wanted: impl Fn(&str) -> bool) -> Option<u32> {
    let found = LANGUAGES.iter().find(|(_, tag)| is_wanted(tag));
    found.map(|(number, _)| *number)
}

fn without_country(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_numbers() {
        for (tag, number) in [
            ("de-DE", 0x0407),
            ("EN-gb", 0x0809),
            ("en", 0x0409),
            ("zh", 0x0804),
            ("fr", 0x040c),
        ] {
            assert_eq!(language_number(tag), Some(number), "{tag}");
        }
        assert_eq!(language_number("tlh"), None);
        assert_eq!(language_number(""), None);
        assert_eq!(language_tag(0x0c07), Some("de-AT"));
        assert_eq!(language_tag(0), None);
    }
    #[test]
    fn a_number_says_the_language_and_perhaps_the_order() {
        for (number, name) in [
            (0, "und"),
            (0x0409, "und"),
            (0x0407, "und"),
            (0x0001_0407, "de-u-co-phonebk"),
            (0x041d, "sv"),
            (0x081d, "sv"),
            (0x040a, "es-u-co-trad"),
            (0x0c0a, "es"),
            (0x0804, "zh"),
            (0x0404, "zh-Hant"),
            (0xffff_ffff, "und"),
        ] {
            assert_eq!(language(number), name, "{number:x}");
        }
    }
}
