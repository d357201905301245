"""Radius: from how far away a sensor may hear a phone, from the signal below which it ignores everything."""

from math import ceil, log10

PHONE_EIRP_DBM = 15.0  # what phones usually radiate in Wi-Fi; 20 dBm is the limit (ETSI EN 300 328, 4.3.2.2)
LOSS_AT_1_M_DB = 20 * log10(2437e6) - 147.55  # free space, Wi-Fi channel 6 (ITU-R P.525): 40.2 dB
OPEN_STREET, INDOORS = 2.0, 3.5  # path loss exponents (Rappaport, table 4.2: free space 2, among buildings 2.7 to 3.5)


def sensed_radius_m(outside_dbm: float) -> tuple[int, int]:
    """Metres to the farthest phone that is heard at `outside_dbm`: (through walls, in free sight).

    Log-distance path loss: loss(d) = loss(1 m) + 10 n log10(d), so d = 10 ** ((EIRP - loss(1 m) - outside_dbm) / 10 n)
    (Rappaport, Wireless Communications, 2nd edition, equation 4.68, without its shadowing term). Rounded up to two
    digits, so that what is said is not less than what is computed. A phone that sends with the full 20 dBm is heard
    from 1.4 times (indoors) to 1.8 times (free sight) as far; one in a bag, or a Bluetooth tag, from less.
    """
    budget_db = PHONE_EIRP_DBM - LOSS_AT_1_M_DB - outside_dbm
    return _metres(budget_db, INDOORS), _metres(budget_db, OPEN_STREET)


def _metres(budget_db: float, exponent: float) -> int:
    distance: float = 10 ** (budget_db / (10 * exponent))
    step = 10 ** max(0, int(log10(distance)) - 1) if distance >= 1 else 1
    return ceil(distance / step) * step
