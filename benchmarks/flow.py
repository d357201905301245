"""Zone flow against simulated shops whose truth is known: the right lag found, and claims where there is nothing."""

import sys

from tests.rooms import Rooms, told

SHOPS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
CASES = (
    ("400 visits a day, 60 % go on after 10 min", Rooms(400, lag=10.0), 14),
    ("400 visits a day, 60 % go on after 20 min", Rooms(400, lag=20.0), 14),
    ("400 visits a day, 30 % go on after 10 min", Rooms(400, lag=10.0, share=0.3), 14),
    ("the same, four weeks", Rooms(400, lag=10.0, share=0.3), 28),
    ("150 visits a day, 60 % go on after 10 min", Rooms(150, lag=10.0), 14),
    ("400 visits, 60 % after 10 min, each zone hears the other", Rooms(400, lag=10.0, leak=0.1), 14),
    ("400 visits a day, no way between", Rooms(400), 14),
    ("the same, four weeks", Rooms(400), 28),
    ("400 visits, no way between, each zone hears the other", Rooms(400, leak=0.1), 14),
    ("400 visits, no way between, both fill at the same moments", Rooms(400, together=True), 14),
)


def main() -> None:
    print(f"{'':58} days   right lag   another   nothing said   of {SHOPS}")
    for what, rooms, days in CASES:
        right = wrong = 0
        for number in range(SHOPS):
            for one in told(rooms, days, number).following:
                low, high = one.lag.low or 0.0, one.lag.high or 0.0
                fits = rooms.lag > 0 and one.first == "door" and low <= rooms.lag <= high
                right, wrong = (right + 1, wrong) if fits else (right, wrong + 1)
        print(f"{what:58} {days:4} {right:11} {wrong:9} {SHOPS - right - wrong:14}", flush=True)


if __name__ == "__main__":
    main()
