"""Language: what pages and mails say, in English, German, French and Chinese.

1. English is in the source. A catalogue (`de.po`, `fr.po`, `zh.po`; gettext's format) has every sentence of it, and no
   other: `tests/rules/test_language.py` compares them with the source, placeholders included.
2. What a catalogue lacks is said in English, never left out.
3. Numbers have thin spaces between thousands in every language, and times 24 hours: they read the same everywhere.
   Decimal marks, days and months are the language's own (CLDR, by Babel).
"""

from cloud.language.language import ENGLISH, LANGUAGES, Language, chosen

__all__ = ["ENGLISH", "LANGUAGES", "Language", "chosen"]
