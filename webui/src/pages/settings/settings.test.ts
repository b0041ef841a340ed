import { describe, expect, it } from "vitest";
import {
  addressAfterRestart,
  defaultText,
  hintOf,
  labelOf,
  lockOf,
  replaced,
  sections,
  sizeText,
  typedOf,
  unitOf,
  valueOf,
  valueText,
  type Setting,
} from "./settings";

const PORT: Setting = {
  name: "port",
  group: "network",
  help: "HTTP port for clients.",
  allowed: "a whole number from 0 to 65535",
  form: "number",
  choices: [],
  low: 0,
  high: 65535,
  optional: false,
  secret: false,
  cluster: false,
  in_file: true,
  variable: "CORRAL_PORT",
  default: 32768,
  default_text: "32768",
  value: 32768,
  is_set: true,
  source: "default",
  next_value: 32768,
  next_source: "default",
  restart_needed: false,
};
const MEMORY: Setting = {
  ...PORT,
  name: "max_memory_bytes",
  group: "models",
  help: "Memory of all models.",
  allowed: 'a number of bytes, or a size such as "8GB" or "8GiB", or "none"',
  form: "size",
  optional: true,
  default: null,
  default_text: "none",
  value: 8_000_000_000,
  next_value: 8_000_000_000,
  source: "config.toml",
};
const PEERS: Setting = {
  ...PORT,
  name: "peers",
  group: "cluster",
  help: "Machines at addresses.",
  form: "words",
  value: ["a", "b:1"],
  next_value: ["a", "b:1"],
};
const QUEUE: Setting = { ...PORT, name: "queue_max", group: "requests", help: "Waiting.", cluster: true };
const SECRET: Setting = {
  ...PORT,
  name: "hf_token",
  group: "downloads",
  help: "A token.",
  form: "text",
  secret: true,
  value: null,
  next_value: null,
  is_set: false,
  default: null,
  default_text: "none",
};
const ALL = [PORT, MEMORY, PEERS, QUEUE, SECRET];

describe("the table", () => {
  const names = (found: ReturnType<typeof sections>) =>
    found.map(({ group, settings }) => [group, ...settings.map((each) => each.name)]);

  it.each([
    [
      { scope: "machine", search: "", onlyChanged: false },
      [
        ["network", "port"],
        ["cluster", "peers"],
        ["models", "max_memory_bytes"],
        ["downloads", "hf_token"],
      ],
    ],
    [{ scope: "cluster", search: "", onlyChanged: false }, [["requests", "queue_max"]]],
    [{ scope: "machine", search: "MEMORY models", onlyChanged: false }, [["models", "max_memory_bytes"]]],
    [{ scope: "machine", search: "max_mem", onlyChanged: false }, [["models", "max_memory_bytes"]]],
    [{ scope: "machine", search: "", onlyChanged: true }, [["models", "max_memory_bytes"]]],
    [{ scope: "machine", search: "nothing like it", onlyChanged: false }, []],
  ] as const)("%#: %j", (filter, shown) => {
    expect(names(sections(ALL, filter))).toEqual(shown);
  });

  it("names settings that it does not know", () => {
    expect(labelOf({ ...PORT, name: "some_new_thing" })).toBe("some new thing");
  });

  it("takes one row anew", () => {
    const changed = replaced(ALL, { name: "port", next_value: 1, restart_needed: true });
    expect(changed[0]).toEqual({ ...PORT, next_value: 1, restart_needed: true });
    expect(changed.slice(1)).toEqual(ALL.slice(1));
  });
});

describe("what can't be changed here", () => {
  it.each([
    [PORT, null],
    [{ ...PORT, source: "environment" }, "environment"],
    [{ ...PORT, source: "command line" }, "command line"],
    [{ ...PORT, source: "config.toml" }, null],
    [{ ...PORT, in_file: false, source: "environment" }, "in_file"],
    [{ ...PORT, group: "first_start" }, "first_start"],
    [{ ...QUEUE, source: "environment" }, null],
  ] as const)("%#", (setting, lock) => {
    expect(lockOf(setting)).toBe(lock);
  });
});

describe("values in words", () => {
  it.each([
    [PORT, 32768, "32768"],
    [QUEUE, 1024, "1,024"],
    [MEMORY, null, "no limit"],
    [MEMORY, 500_000_000, "500MB"],
    [{ ...MEMORY, name: "copy_max_bytes_per_s" }, 20_000_000, "20MB a second"],
    [{ ...PORT, form: "seconds" }, 900, "15 min"],
    [{ ...PORT, name: "history_retention_days" }, 7, "7 days"],
    [{ ...PORT, form: "boolean" }, true, "On"],
    [PEERS, ["a", "b"], "a, b"],
    [PEERS, [], "none"],
    [SECRET, null, "not set"],
    [{ ...SECRET, is_set: true }, null, "set"],
    [{ ...PORT, form: "text" }, null, "not set"],
  ] as const)("%#: %j", (setting, value, words) => {
    expect(valueText(setting as Setting, value as Setting["value"])).toBe(words);
  });

  it("says defaults that are worked out as the server does", () => {
    expect(defaultText({ ...PORT, default: null, default_text: "`logs` in the data folder" })).toBe(
      "logs in the data folder",
    );
    expect(defaultText({ ...PORT, form: "boolean", default: false })).toBe("Off");
  });
});

describe("what is typed", () => {
  it.each([
    [MEMORY, "8GB", "8GB"],
    [{ ...MEMORY, next_value: null }, "", "none"],
    [PORT, "32768", "32768"],
    [PEERS, "a\nb:1", ["a", "b:1"]],
    [{ ...PEERS, next_value: [] }, "", []],
    [SECRET, "", ""],
  ] as const)("%#: begins with %j and is sent as %j", (setting, typed, sent) => {
    expect(typedOf(setting as Setting)).toBe(typed);
    expect(valueOf(setting as Setting, `${typed} `)).toEqual(sent);
  });

  it("has a unit and a hint", () => {
    expect([PORT, { ...PORT, form: "seconds" }, { ...PORT, name: "log_retention_days" }].map(unitOf)).toEqual(
      [null, "seconds", "days"],
    );
    expect(hintOf(PORT)).toBe("Allowed: a whole number from 0 to 65535");
    expect(hintOf(MEMORY)).toBe("As 500MB or 8GiB. Leave it empty for no limit.");
  });

  it.each([
    [500_000_000, "500MB"],
    [8 * 1024 ** 3, "8GiB"],
    [1_500_000_000, "1.5GB"],
    [20_000, "20KB"],
    [1536, "1.5KiB"],
    [1234567, "1234567B"],
  ])("writes %d bytes as %s", (bytes, words) => {
    expect(sizeText(bytes)).toBe(words);
  });
});

it("knows where the node will answer", () => {
  const here = new URL("http://farm.local:32768/dashboard/settings");
  expect(addressAfterRestart(ALL, here)).toBeNull();
  const moving = replaced(ALL, { name: "port", next_value: 8080, restart_needed: true });
  expect(addressAfterRestart(moving, here)).toBe("http://farm.local:8080/dashboard/settings");
});
