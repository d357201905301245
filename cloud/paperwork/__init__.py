"""Paperwork: the notice on a shop's door, the inventory of what is kept, and drafts of assessments the law asks for.

1. Generated, not written: a figure comes from what the sensors last told (`facts`), a structure from the code that
   keeps it (`structure`, `sources`). What is not known is an error or a mark to fill in, never a guess.
2. Nothing is claimed that the code does not keep. Radios are counted, and nothing here rests on a hash.
3. The words of every language and the description of every thing kept are data beside the code, one file each.
"""
