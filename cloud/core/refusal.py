"""Refusal: what somebody sent cannot be taken, and nothing of it was."""


class Refusal(ValueError):  # noqa: N818 - it is the sender's error, not ours
    """The message is one sentence for the sender: what is wrong, where, and what to send instead."""
