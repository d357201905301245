"""The setup page: how the people of a shop set a sensor up with a phone, in the shop's own network.

1. It is open while the sensor belongs to nobody, and for an hour after a claim or `footfall-agent setup`; then the
   port is closed. It touches no radio and sees no address of a device.
2. Nothing secret is shown. What changes anything needs the setup word, once; a claim needs a code, which is the right
   itself, and lets its bearer do the rest.
3. Plain HTTP cannot keep a listener of the shop's network from reading along: the word is worth setting zones, a code
   works once, and the key never passes here.
4. A page of another site can neither read this one (the name asked for must be the sensor's own or a number) nor change
   anything (what is sent must come from this page).
5. Progress is told, and what to do; never a log. Without scripts everything works by loading the page again.
"""
