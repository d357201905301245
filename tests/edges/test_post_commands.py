"""The post from outside: over the API, on the command line, and in the process that serves."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from cloud import config, hook, post
from cloud.api import Live, routes
from cloud.app import App
from cloud.config import ConfigError
from cloud.core.message import Endpoint, Ways
from cloud.core.recipient import Wishes
from cloud.core.refusal import Refusal
from cloud.desk import Desk
from tests.brokers import until
from tests.conftest import ROOT
from tests.edges.test_post import ANNA, MAILS, MORNING, World
from tests.mailboxes import mail_server


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.store.close()


def asked(world, *requests, ways=MAILS):
    """The answers to (method, path, body) of the API."""
    web = FastAPI()
    web.mount("/api/v1", routes(Desk(world.store, "demo", lambda: MORNING, ways), Live()))

    async def run():
        transport = httpx.ASGITransport(web)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1") as client:
            return [await client.request(method, path, json=body) for method, path, body in requests]

    return asyncio.run(run())


def test_recipients_over_the_api(world):
    one, all_ = f"/shops/corner/recipients/{ANNA.upper()}", "/shops/corner/recipients"
    wishes = {"language": "de", "daily": True, "alerts": False}
    put, again, known, gone, left = asked(
        world,
        ("PUT", one, wishes),
        ("PUT", one, wishes),
        ("GET", all_, None),
        ("DELETE", one, None),
        ("GET", all_, None),
    )
    want = {"address": ANNA, "wishes": wishes, "added_at": MORNING, "confirmed_at": MORNING}
    assert (put.json(), again.json(), known.json(), gone.json(), left.json()) == (want, want, [want], [], [])


def test_the_word_of_a_link_is_not_told(world):
    put, known = asked(
        world,
        ("PUT", f"/shops/corner/recipients/{ANNA}", {}),
        ("GET", "/shops/corner/recipients", None),
        ways=Ways(mail=True, public_url="https://counts.example.com"),
    )
    assert put.json()["confirmed_at"] is None
    assert "word" not in put.text + known.text


def test_what_cannot_be_is_answered_in_a_sentence(world):
    wrong, unknown, nowhere = asked(
        world,
        ("PUT", "/shops/corner/recipients/anna", {}),
        ("PUT", f"/shops/corner/recipients/{ANNA}", {"weekly": True}),
        ("GET", "/shops/elsewhere/recipients", None),
    )
    assert (wrong.status_code, unknown.status_code, nowhere.status_code) == (422, 422, 404)
    assert wrong.json() == {"error": '"anna" is no mail address: write it as "name@example.com".'}


def test_the_description_has_the_paths(world):
    (told,) = asked(world, ("GET", "/openapi.json", None))
    assert set(told.json()["paths"]["/shops/{shop}/recipients/{address}"]) == {"put", "delete"}


SHOP = """[[shops]]
tenant = "demo"
shop = "corner"
name = "Corner"
time_zone = "Europe/Berlin"
hours = [{ days = ["mon", "tue", "wed", "thu", "fri", "sat"], opens = "09:00", closes = "20:00" }]
sensors = [{ sensor = "demo:corner", zone = "door" }]
"""


def settings(world, text=""):
    path = Path(world.database).with_name("cloud.toml")
    path.write_text(f'database = "{world.database}"\n{text}\n{SHOP}')
    return str(path)


def mail_table(port):
    return f'[mail]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\nsender = "footfall@example.com"\n'


def footfall(*words):
    done = subprocess.run(
        [sys.executable, "-m", "cloud", *words], capture_output=True, text=True, timeout=60, cwd=ROOT, env=os.environ
    )
    return done.returncode, done.stdout, done.stderr


def test_a_report_is_printed_as_it_is_mailed(world):
    world.hear()
    path = settings(world)
    code, out, _ = footfall("report", "corner", "--date", "2026-11-24", "-c", path)
    assert code == 0
    assert out.startswith("Tuesday: 339 devices (254\N{EN DASH}424).\n")
    code, out, _ = footfall("report", "corner", "--date", "2026-11-24", "--json", "-c", path)
    told = json.loads(out)
    assert (told["headline"][:7], told["figures"]["visitors"]["value"]) == ("Tuesday", 339)


def test_a_test_mail_arrives_or_says_why_not(world):
    with mail_server() as (box, port):
        mail = mail_table(port)
        path = settings(world, mail)
        code, out, _ = footfall("mail-test", ANNA, "-c", path)
        assert (code, out) == (0, "The mail server has taken it. Look in the mailbox, and among the spam.\n")
    assert (box.mails[0]["To"], box.mails[0]["Subject"]) == (ANNA, "Mails from Footfall arrive here.")
    known = config.parse(mail, "cloud.toml")
    with pytest.raises(ConfigError, match=rf"mail: 127.0.0.1:{port} cannot be used: .*refused"):
        post.trial(known, ANNA, MORNING)
    with pytest.raises(ConfigError, match=r"There is no \[mail\] in the settings"):
        post.trial(config.parse("", "cloud.toml"), ANNA, MORNING)
    with pytest.raises(Refusal):
        post.trial(known, "anna", MORNING)


def test_secrets_are_read_from_files_and_a_missing_one_is_one_sentence(tmp_path):
    (tmp_path / "password").write_text("right\n")
    (tmp_path / "secret").write_text("whsec_" + "QUFB" * 8 + "\n")
    mail = '[mail]\nhost = "mail.example.com"\nsender = "footfall@example.com"\nuser = "x"\n'
    one = '[[webhooks]]\ntenant = "demo"\nurl = "https://example.com/x"\n'
    known = f'{mail}password_file = "{tmp_path}/password"\n{one}secret_file = "{tmp_path}/secret"\nevents = ["daily"]\n'
    found = config.parse(known, "cloud.toml")
    server = post.server(found)
    assert server is not None
    assert server.password == "right"
    assert post.targets(found, "demo") == {"https://example.com/x": hook.Target(secret=b"AAA" * 8)}
    assert post.targets(found, "other") == {}
    assert post.ways(found, "demo").webhooks == (Endpoint(url="https://example.com/x", events=("daily",)),)
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(
        ConfigError, match=r"webhooks\[0\].secret_file: .*/secret: write whsec_ and 24 to 64 random bytes"
    ):
        post.targets(found, "demo")
    (tmp_path / "password").unlink()
    with pytest.raises(ConfigError, match=r"mail.password_file: .*/password cannot be read: No such file"):
        post.server(found)


def test_the_serving_process_sends(world):
    world.hear()
    with mail_server() as (box, port):
        text = f'database = "{world.database}"\n{mail_table(port)}[mqtt]\nport = 1\n{SHOP}'
        app = App(config.parse(text, "cloud.toml"), lambda: MORNING)
        app.desk.post.put("corner", ANNA, Wishes())
        with app.ingesting():
            until(lambda: box.mails, "the report")
    assert box.mails[0]["Subject"].startswith("Corner: Tuesday: 339 devices")
    assert box.mails[0]["To"] == ANNA
