"""Prints the hours of a tenant's shops: python subscriber.py BROKER PORT TENANT [ROOT.pem PARTNER.pem PARTNER.key]."""

import json
import sys
import time

from paho.mqtt import subscribe

broker, port, tenant, *files = sys.argv[1:]
tls = dict(zip(("ca_certs", "certfile", "keyfile"), files, strict=False)) or None
newest = {}


def told(_client, _data, message):
    """Of a shop's hour the message with the highest `rolled` holds: it is told anew whenever it is corrected."""
    hour = json.loads(message.payload)
    name, people = (hour["shop"], hour["period"]["start"]), hour["period"]["visitors"]
    if hour["rolled"] > newest.get(name, 0):
        newest[name] = hour["rolled"]
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(hour["period"]["start"]))
        number = "unknown" if people["value"] is None else "{value:g} ({low:g} to {high:g})".format(**people)
        print(f"{hour['name']}, {when}: {number} visitors; {people['coverage']:.0%} listened to", flush=True)  # noqa: T201


topic, stay = f"footfall/v1/t/{tenant}/+/hour", {"client_id": "hours", "clean_session": False}
subscribe.callback(told, topic, qos=1, hostname=broker, port=int(port), tls=tls, **stay)
