"""The pages of the fleet: what is on its way, who fell out, and that whoever changes its course is named."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient

from cloud.dashboard import pages
from cloud.desk import Desk
from cloud.language import LANGUAGES
from tests.faults.rollout import BAD, GOOD, TENANT, World, told

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, 40)
    yield made
    made.close()


async def asked(world: World, path: str, language: str = "en", form: dict[str, str] | None = None) -> tuple[int, str]:
    site = pages(Desk(world.store, TENANT, lambda: world.now))
    async with AsyncClient(transport=ASGITransport(site), base_url="http://localhost") as client:
        headers = {"accept-language": language}
        answer = await (
            client.get(path, headers=headers) if form is None else client.post(path, headers=headers, data=form)
        )
    return answer.status_code, answer.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_rollout_that_was_put_back_says_why_in_every_language(world: World, language: str) -> None:
    made = world.apply(told(BAD["kills the radio"]))
    world.run(lambda: world.state(made) == "aborted" and not world.out(), 3600)
    status, text = await asked(world, f"/fleet/rollouts/{made.id}", language)
    assert (status, "None" in text) == (200, False)
    assert "<progress" in text
    assert 'name="do"' not in text  # it is over: there is nothing to stop
    status, text = await asked(world, "/fleet", language)
    assert (status, f"/fleet/rollouts/{made.id}" in text) == (200, True)


async def test_whoever_stops_a_rollout_is_named(world: World) -> None:
    made = world.apply(told(GOOD))
    world.run(lambda: False, 300)
    path = f"/fleet/rollouts/{made.id}"
    status, text = await asked(world, path, form={"do": "stop", "who": " "})
    assert (status, world.state(made)) == (422, "running")
    assert "Write who you are" in text
    status, text = await asked(world, path, form={"do": "stop", "who": "Anna"})
    assert (status, world.state(made)) == (200, "stopped")
    status, text = await asked(world, path, form={"do": "put-back", "who": "Anna"})
    assert (status, world.state(made)) == (200, "put-back")
    assert "Anna" in (await asked(world, "/fleet"))[1]


async def test_a_view_of_the_list_is_its_address(world: World) -> None:
    _, text = await asked(world, "/fleet")
    links = re.findall(r'href="(/fleet\?[^"]*version_state[^"]*)"', text)
    assert links
    for link in links:
        status, text = await asked(world, link.replace("&amp;", "&"))
        assert (status, "Show all" in text) == (200, True)
    status, text = await asked(world, "/fleet?sensor=demo:s0003")
    assert (status, "demo:s0003" in text, "demo:s0004" in text) == (200, True, False)
    status, text = await asked(world, "/fleet?colour=red")
    assert (status, "There is no filter" in text) == (422, True)
    assert (await asked(world, "/fleet/rollouts/none"))[0] == 404
