//! Languages by the numbers that Windows has for them.
//!
//! Source: [MS-LCID] 2.2; [MS-OXNSPI] 2.2.1.4 (only the order of names depends on it here).

use engine::directory::ANY_LANGUAGE;

/// The bits of a number that say the language.
const LANGUAGE_BITS: u32 = 0x3ff;

/// Orders of their own, by language and number; other numbers have the usual one of their language.
const ORDERS: [(u32, &str); 5] = [
    (0x0001_0407, "de-u-co-phonebk"),
    (0x0000_040a, "es-u-co-trad"),
    (0x0002_0804, "zh-u-co-stroke"),
    (0x0000_0404, "zh-Hant"),
    (0x0003_0404, "zh-u-co-zhuyin"),
];

/// Languages whose dictionaries have an order of their own, by the lowest bits.
const LANGUAGES: &[(u32, &str)] = &[
    (0x01, "ar"),
    (0x04, "zh"),
    (0x05, "cs"),
    (0x06, "da"),
    (0x08, "el"),
    (0x0a, "es"),
    (0x0b, "fi"),
    (0x0d, "he"),
    (0x0e, "hu"),
    (0x0f, "is"),
    (0x11, "ja"),
    (0x12, "ko"),
    (0x14, "nb"),
    (0x15, "pl"),
    (0x18, "ro"),
    (0x19, "ru"),
    (0x1a, "hr"),
    (0x1b, "sk"),
    (0x1c, "sq"),
    (0x1d, "sv"),
    (0x1e, "th"),
    (0x1f, "tr"),
    (0x20, "ur"),
    (0x22, "uk"),
    (0x23, "be"),
    (0x24, "sl"),
    (0x25, "et"),
    (0x26, "lv"),
    (0x27, "lt"),
    (0x29, "fa"),
    (0x2a, "vi"),
    (0x2b, "hy"),
    (0x2c, "az"),
    (0x2e, "hsb"),
    (0x2f, "mk"),
    (0x32, "tn"),
    (0x36, "af"),
    (0x37, "ka"),
    (0x38, "fo"),
    (0x39, "hi"),
    (0x3a, "mt"),
    (0x3b, "se"),
    (0x3f, "kk"),
    (0x40, "ky"),
    (0x43, "uz"),
    (0x45, "bn"),
    (0x46, "pa"),
    (0x47, "gu"),
    (0x48, "or"),
    (0x49, "ta"),
    (0x4a, "te"),
    (0x4b, "kn"),
    (0x4c, "ml"),
    (0x4d, "as"),
    (0x4e, "mr"),
    (0x50, "mn"),
    (0x52, "cy"),
    (0x53, "km"),
    (0x54, "lo"),
    (0x5b, "si"),
    (0x5e, "am"),
    (0x6f, "kl"),
];

/// The name (BCP 47) of the language in whose order words are to stand; `und` for all that have the
/// order of no language in particular, such as English, French and German.
pub fn language(locale: u32) -> &'static str {
    let by_order = ORDERS.iter().find(|(number, _)| *number == locale);
    let by_language = || {
        let bits = locale & LANGUAGE_BITS;
        LANGUAGES.iter().find(|(number, _)| *number == bits)
    };
    by_order
        .or_else(by_language)
        .map_or(ANY_LANGUAGE, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

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
