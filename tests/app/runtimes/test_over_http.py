"""A runtime's life over HTTP: it registers, beats, answers, falls silent, is managed."""

from pathlib import Path
from typing import Any

from tests.app.api.serving import API_KEY
from tests.app.runtimes.asking import Node, watching
from tests.fakes.openai_server import openai_server

CHAT = {"model": "fake-model", "messages": [{"role": "user", "content": "hi"}]}


async def chat(node: Node) -> Any:
    return await node.ask("POST", "/v1/chat/completions", key=API_KEY, json=CHAT)


async def test_it_registers_and_answers(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        answer = await node.register(server.port)
        document = answer.json()
        assert (answer.status_code, document["status"]) == (201, "registered")
        assert document["runtime_api_port"] == server.port and document["runtime_token"].startswith("nt_")
        assert answer.headers["cache-control"] == "no-store"
        runtime = await node.registered(server.port)  # again: the same one with a new token
        assert runtime.id == document["runtime_id"] and runtime.token != document["runtime_token"]
        shown = await runtime.until("online")
        assert (shown["kind"], shown["name"], shown["models"]) == ("runtime", "alpha", 1)
        assert shown["gpu_devices"] == [{"model": "RTX 4090", "count": 2}]
        beat = await runtime.beat(
            loaded_models=["fake-model"], gpu_usage=250, gpu_memory_total_mb=10, gpu_memory_used_mb=5
        )
        assert (beat.status_code, beat.json()) == (200, {"runtime_id": runtime.id, "status": "online"})
        load = (await runtime.shown())["load"]
        assert (load["cpu_percent"], load["gpus"][0]["used_percent"], load["gpus"][0]["memory_percent"]) == (
            10,
            100,
            50,
        )
        said = await chat(node)
        assert said.status_code == 200 and said.json()["choices"][0]["message"]["content"] == "Hello, world!"
        assert said.headers["x-corral-endpoint"] == f"runtime:{runtime.id}"
        listed = (await node.ask("GET", "/v1/models", key=API_KEY)).json()["data"]
        assert [(each["id"], each["nodes"]) for each in listed] == [("fake-model", ["alpha"])]


async def test_it_is_online_only_once_it_was_reached(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        await server.stop()
        runtime = await node.registered(server.port)
        assert (await runtime.beat()).json()["status"] == "registering"

        async def told_why() -> bool:
            return "can't be reached" in ((await runtime.shown())["status_reason"] or "")

        await node.until(told_why)
        await server.start()
        node.clock.at += 2  # when it is tried again
        await runtime.beat(initializing=True)
        await runtime.until("initializing")
        assert (await chat(node)).status_code == 503
        await runtime.beat()
        await runtime.until("online")
        assert (await chat(node)).status_code == 200


async def test_silence_makes_it_offline_and_a_heartbeat_brings_it_back(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        runtime = await node.registered(server.port)
        await runtime.until("online")
        node.clock.at += 60
        await runtime.until("online")
        node.clock.at += 1
        shown = await runtime.until("offline")
        assert shown["status_reason"] == "no heartbeat for 60 s"
        refused = await chat(node)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "no_capable_endpoint")
        assert (await runtime.beat()).json()["status"] == "online"
        assert (await chat(node)).status_code == 200


async def test_a_server_that_dies_is_noticed_while_its_heartbeats_go_on(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        runtime = await node.registered(server.port)
        await runtime.until("online")
        await server.stop()
        node.clock.at += 30
        await runtime.beat(loaded_models=["other"])  # reason to look
        await runtime.until("error")
        node.clock.at += 2
        await runtime.beat(loaded_models=["another"])
        await runtime.until("offline")
        await server.start()
        node.clock.at += 30
        await runtime.beat()
        await runtime.until("online")


WRONG_REGISTRATIONS: list[tuple[dict[str, Any], str]] = [
    ({"ip_address": "alpha"}, "ip_address"),
    ({"ip_address": "0.0.0.0"}, "ip_address"),
    ({"machine_name": ""}, "machine_name"),
    ({"machine_name": "a\nb"}, "machine_name"),
    ({"machine_name": "a" * 101}, "machine_name"),
    ({"runtime_port": 0}, "runtime_port"),
    ({"runtime_port": 65_535}, "runtime_port"),
    ({"runtime_port": "80"}, "runtime_port"),
    ({"runtime_api_port": 65_536}, "runtime_api_port"),
    ({"gpu_available": "yes"}, "gpu_available"),
    ({"gpu_devices": [{"model": "x", "count": 0}]}, "gpu_devices.0.count"),
    ({"color": "red"}, "color"),
]
WRONG_HEARTBEATS: list[dict[str, Any]] = [
    {"cpu_usage": -1},
    {"cpu_usage": "10"},
    {"memory_usage": None},
    {"active_requests": -1},
    {"active_requests": 1.5},
    {"loaded_models": ["x"] * 1001},
    {"loaded_models": [""]},
    {"ready_models": [1]},
    {"average_response_time_ms": 1e300},
    {"color": "red"},
]


async def test_registrations_that_are_wrong(tmp_path: Path) -> None:
    async with watching(tmp_path) as node:
        for changes, param in WRONG_REGISTRATIONS:
            answer = await node.register(2000, **changes)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
        listed = (await node.ask("GET", "/v0/runtimes")).json()["runtimes"]
        assert [each["kind"] for each in listed] == ["node"]


async def test_heartbeats_that_are_wrong(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        runtime = await node.registered(server.port)
        for changes in WRONG_HEARTBEATS:
            refused = await runtime.beat(**changes)
            assert refused.status_code == 400, changes
            assert refused.json()["error"]["param"].split(".")[0] in changes
        assert (await runtime.shown())["load"] is None


async def test_heartbeats_of_others_are_refused(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        one, two = await node.registered(server.port), await node.registered(2000)
        body = {"runtime_id": one.id, "cpu_usage": 1, "memory_usage": 1}
        for token in (two.token, one.id, "nt_" + "x" * 32, "", None):
            refused = await node.ask("POST", "/v0/health", key=node.key, token=token, json=body)
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_runtime_token")
        refused = await node.ask("POST", "/v0/health", key=None, token=one.token, json=body)
        assert refused.json()["error"]["code"] == "missing_credentials"  # the key too


async def test_graphics_cards_may_be_a_must(tmp_path: Path) -> None:
    async with watching(tmp_path) as node:
        assert (await node.register(2000, gpu_available=False, gpu_devices=[])).status_code == 201
        await node.ask("PUT", "/v0/cluster/settings/allow_no_gpu", json={"value": False})
        refused = await node.register(2002, gpu_available=False, gpu_devices=[])
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "gpu_required")


async def test_disconnecting_lasts_until_it_registers_again(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        runtime = await node.registered(server.port)
        await runtime.until("online")
        shown = (await node.ask("POST", f"/v0/runtimes/{runtime.id}/disconnect")).json()
        assert shown["status"] == "offline" and "disconnected" in shown["status_reason"]
        refused = await runtime.beat()
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "runtime_disconnected")
        assert (await chat(node)).status_code == 503
        again = await node.registered(server.port)
        assert again.id == runtime.id
        await again.until("online")


async def test_settings_count_at_once(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        runtime = await node.registered(server.port)
        await runtime.until("online")
        path = f"/v0/runtimes/{runtime.id}/settings"
        changed = await node.ask("PUT", path, json={"name": "big one", "max_concurrent": 3, "weight": 2})
        settings = {"name": "big one", "enabled": True, "weight": 2, "max_concurrent": 3, "notes": ""}
        assert changed.json()["settings"] == settings and changed.json()["name"] == "big one"
        (endpoint,) = node.serving.runtimes.endpoints()
        assert (endpoint.name, endpoint.slots("fake-model"), endpoint.machine().weight) == ("big one", 3, 2)
        assert (await node.ask("PUT", path, json={"enabled": False})).json()["status"] == "disabled"
        assert (await chat(node)).status_code == 503
        back = (await node.ask("PUT", path, json={"enabled": True, "name": None})).json()
        assert (back["status"], back["name"], back["settings"]["max_concurrent"]) == ("online", "alpha", 3)
        for wrong in ({"color": 1}, {"weight": 0}, {"max_concurrent": 0}, {"enabled": None}):
            assert (await node.ask("PUT", path, json=wrong)).status_code == 400


async def test_removing_ends_it(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        runtime = await node.registered(server.port)
        await runtime.until("online")
        assert (await node.ask("DELETE", f"/v0/runtimes/{runtime.id}")).json() == {"removed": True}
        assert (await runtime.beat()).status_code == 401 and (await chat(node)).status_code == 404
        for method, path in (("DELETE", ""), ("POST", "/disconnect"), ("GET", "/logs")):
            gone = await node.ask(method, f"/v0/runtimes/{runtime.id}{path}")
            assert (gone.status_code, gone.json()["error"]["code"]) == (404, "runtime_not_found")
        mine, other = await node.registered(server.port), await node.registered(2000)
        assert (
            await node.ask("DELETE", f"/v0/runtimes/{mine.id}", key=None, token=other.token)
        ).status_code == 404
        assert (
            await node.ask("DELETE", f"/v0/runtimes/{mine.id}", key=None, token=mine.token)
        ).status_code == 200


async def test_machines_of_the_cluster_are_managed_elsewhere(tmp_path: Path) -> None:
    async with watching(tmp_path) as node:
        for method, path in (("DELETE", ""), ("POST", "/disconnect")):
            refused = await node.ask(method, f"/v0/runtimes/testnode{path}")
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_possible_now")


async def test_models_are_listed_for_a_token(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        runtime = await node.registered(server.port)
        await runtime.until("online")
        for headers in (
            {"x-runtime-token": runtime.token},
            {"authorization": f"Bearer {runtime.token}"},
            {"authorization": f"Bearer {node.key}", "x-runtime-token": runtime.token},
        ):
            listed = await node.http.get("/v1/models", headers=headers)
            assert [each["id"] for each in listed.json()["data"]] == ["fake-model"]
            assert (await node.http.get("/v1/models/fake-model", headers=headers)).status_code == 200
        said = await node.ask("POST", "/v1/chat/completions", key=runtime.token, json=CHAT)
        assert said.status_code == 401
        assert (await node.ask("GET", "/v1/models", key="nt_" + "x" * 32)).status_code == 401


async def test_numbers_of_an_hour(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        runtime = await node.registered(server.port)
        for second in range(0, 40, 5):
            node.clock.at += 5
            await runtime.beat(cpu_usage=second, average_response_time_ms=7.5)
        (metrics,) = (await node.ask("GET", "/v0/runtimes/metrics")).json()["runtimes"]
        assert (metrics["runtime_id"], metrics["cpu_usage"], metrics["memory_usage"]) == (runtime.id, 35, 20)
        samples = (await node.ask("GET", f"/v0/dashboard/metrics/{runtime.id}")).json()["samples"]
        assert [each["cpu_percent"] for each in samples] == [0, 10, 20, 30]
        shown = (await node.ask("GET", "/v0/dashboard/runtimes")).json()["runtimes"]
        assert [each["id"] for each in shown] == ["testnode", runtime.id]


async def test_what_is_in_the_audit_log(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        runtime = await node.registered(server.port)
        await runtime.beat()
        await node.ask("PUT", f"/v0/runtimes/{runtime.id}/settings", json={"notes": "cellar"})
        entries = (await node.ask("GET", "/v0/audit")).json()["entries"]
        assert {each["action"] for each in entries} == {"Register a runtime", "Change a runtime's settings"}
        assert runtime.token not in str(entries)


async def test_a_change_of_status_is_an_event(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        before = node.serving.feed.last
        runtime = await node.registered(server.port)
        await runtime.until("online")
        told = [each.data["runtime"] for each in node.serving.feed.after(before) if each.kind == "runtime"]
        assert [(each["id"], each["status"]) for each in told][-1] == (runtime.id, "online")


async def test_logs_of_this_machine_and_of_a_server_without(tmp_path: Path) -> None:
    async with openai_server() as server, watching(tmp_path) as node:
        runtime = await node.registered(server.port)
        own = await node.ask("GET", "/v0/runtimes/testnode/logs?tail=5")
        assert own.status_code == 200 and own.json() == {"entries": [], "total": 0}
        refused = await node.ask("GET", f"/v0/runtimes/{runtime.id}/logs")
        assert (refused.status_code, refused.json()["error"]["code"]) == (502, "logs_unavailable")
        assert "answered 404" in refused.json()["error"]["message"]
        assert (await node.ask("GET", "/v0/runtimes/testnode/logs?tail=0")).status_code == 400
