import { relative } from "node:path";

/** The suites that emulate machines, with their duration in seconds on two cores. */
const EMULATING = {
  "e2e/tests/bare-metal": 410,
  "packages/nixos/tests/with-systemd": 460,
  "e2e/tests/disk-layouts": 150,
  "packages/boot-server/tests/ipxe": 120,
  "packages/ssh/tests/host-key-debian": 130,
  "packages/ssh/tests/openssh-10": 90,
  "packages/test-servers/tests/debian-vm": 60,
  "e2e/tests/landscaper-units": 60,
  "packages/test-servers/tests/netboot-lab": 30,
};

/** Other long suites, with their duration in seconds. Suites that are not in a table run after them. */
const OTHERS = {
  "packages/dns/tests/server-faults": 200,
  "packages/dns/tests/record-set": 170,
  "packages/proxmox/tests/faults": 110,
  "packages/proxmox/tests/peer-bugs": 60,
  "e2e/tests/login-shells": 250,
  "packages/dns/tests/records": 150,
  "packages/dns/tests/many-writers": 120,
  "e2e/tests/installer": 260,
  "packages/nixos/tests/without-systemd": 130,
  "packages/boot-server/tests/crash": 100,
  "packages/boot-server/tests/store-faults": 90,
  "packages/tftp-server/tests/lossy-network": 85,
  "packages/resources-local/tests/state-file-faults": 85,
  "packages/resources-local/tests/crash": 80,
  "packages/ssh-keypair/tests/keypair": 65,
  "packages/tftp-server/tests/tftp-server": 60,
  "packages/ssh-keys/tests/ssh-keygen": 55,
  "e2e/tests/random-kills": 75,
  "packages/ssh/tests/host-key-crash": 50,
  "packages/boot-server/tests/status-page": 50,
  "packages/dns/tests/client": 50,
  "packages/dns/tests/secrets": 40,
  "e2e/tests/races": 40,
  "packages/nixos/tests/copy": 35,
  "packages/ssh/tests/file": 35,
  "packages/ssh-client/tests/exec": 35,
  "e2e/tests/new-provider": 30,
  "packages/ssh/tests/host-key": 30,
};

const INT = ".int.test.ts";
const SHORT_SECONDS = { integration: 10, unit: 1 };

/**
 * Orders the suites for jest's workers. Long suites come first, so that none runs alone at the end. Suites that emulate
 * machines run one at a time, since two at once are too slow for their deadlines.
 */
export default class TestSequencer {
  #workers;

  constructor({ globalConfig }) {
    this.#workers = globalConfig.maxWorkers;
  }

  sort(tests) {
    const suites = tests
      .map(describeSuite)
      .toSorted((a, b) => b.seconds - a.seconds || (a.name < b.name ? -1 : 1));
    const emulating = suites.filter(({ emulates }) => emulates);
    const others = suites.filter(({ emulates }) => !emulates);
    const order = [];
    /** When each worker becomes free, in seconds from the start. */
    const free = Array.from({ length: this.#workers }, () => 0);
    let emulatorFree = 0;
    while (order.length < suites.length) {
      const now = Math.min(...free);
      const [first, second] = now >= emulatorFree ? [emulating, others] : [others, emulating];
      const suite = first.shift() ?? second.shift();
      order.push(suite.test);
      free[free.indexOf(now)] = now + suite.seconds;
      if (suite.emulates) emulatorFree = now + suite.seconds;
    }
    return order;
  }

  /** Does nothing: jest would record the duration of each suite here. */
  cacheResults() {}
}

function describeSuite(test) {
  const name = relative(test.context.config.rootDir, test.path);
  const isIntegration = name.endsWith(INT);
  const key = isIntegration ? name.slice(0, -INT.length) : "";
  const seconds = EMULATING[key] ?? OTHERS[key] ?? SHORT_SECONDS[isIntegration ? "integration" : "unit"];
  return { test, name, seconds, emulates: key in EMULATING };
}
