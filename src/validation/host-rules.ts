import { RemovalPolicy } from "../settings";
import { DEFAULT_DATA_DIR, DEFAULT_INSTALL_ROOT, DEFAULT_LOG_DIR } from "../settings/places";
import { isPlainPath, isPort, NOT_A_PLAIN_PATH, overlap, PROGRAM_FILE, SYSTEM_USER } from "./formats";
import { isKnown, type Rule, unless } from "./problem";

export const ports: Rule = function* ({ props, settings: { peerPort, clientPort } }) {
  yield* unless("ports.peer", props.ports?.peer, isPort, "is not a TCP port; use 1 to 65535, e.g. 2380");
  yield* unless("ports.client", props.ports?.client, isPort, "is not a TCP port; use 1 to 65535, e.g. 2379");
  if (isKnown(peerPort) && peerPort === clientPort) {
    yield `ports: ${peerPort} is both the peer and the client port; use two different ports, e.g. 2380 and 2379`;
  }
};

export const privilegedPorts: Rule = function* ({ props, settings: { user } }) {
  if (!isKnown(user) || user === "root") return;
  const legal = (port: number) => port >= 1024 || !isPort(port);
  const problem = `is below 1024, which only root may open, and etcd runs as "${user}"; use 1024 or more`;
  yield* unless("ports.peer", props.ports?.peer, legal, `${problem}, e.g. 2380`);
  yield* unless("ports.client", props.ports?.client, legal, `${problem}, e.g. 2379`);
};

/**
 * Directories that contain other things, too, so dataDir and logDir must not be one of them. installRoot may be one of
 * them, unless the table below forbids it.
 */
const SHARED = new Set("/home /media /mnt /opt /root /srv /usr/local /var /var/backups /var/lib /var/log".split(" "));

/**
 * Directories in which nothing of this package may be placed, at any depth, and the reason. The first match decides.
 */
const FORBIDDEN: readonly (readonly [directories: string, reason: string])[] = [
  ["/usr/local", ""],
  ["/dev /proc /sys /run /var/run /var/lock", "is in memory and gone after a reboot"],
  ["/tmp /var/tmp", "is emptied by the system"],
  ["/home /root", "is in the home directory of a user, who could replace it"],
  ["/var/lib/cdktf-etcd", "holds this package's own records"],
  [
    "/bin /boot /etc /lib /lib32 /lib64 /libx32 /sbin /usr /snap /var/cache /var/lib/apt /var/lib/containerd /var/lib/dnf " +
      "/var/lib/docker /var/lib/dpkg /var/lib/kubelet /var/lib/rpm /var/lib/systemd /var/log/journal /var/log/supervisor /var/spool",
    "belongs to the system",
  ],
];

/** Why nothing of this package may be placed at a path; undefined if it may. */
export function forbidden(path: string): string | undefined {
  const within = (directory: string) => path === directory || path.startsWith(`${directory}/`);
  return FORBIDDEN.find(([directories]) => directories.split(" ").some(within))?.[1] || undefined;
}

export function notShared(prop: string, path: string): Iterable<string> {
  return unless(prop, path, (text) => !SHARED.has(text), "belongs to the system; use a separate directory below it");
}

export function* notOverlapping(prop: string, path: string, otherProp: string, other: string): Iterable<string> {
  if (isKnown(path) && isKnown(other) && overlap(path, other)) {
    yield `${prop}: "${path}" overlaps with ${otherProp} ("${other}"); use directories that are not inside each other`;
  }
}

export const paths: Rule = function* ({ settings: { installRoot, dataDir, logDir } }) {
  const all = Object.entries({ installRoot, dataDir, logDir });
  for (const [name, path] of all) {
    yield* unless(`paths.${name}`, path, isPlainPath, NOT_A_PLAIN_PATH);
    const reason = isKnown(path) ? forbidden(path) : undefined;
    if (reason !== undefined) {
      yield `paths.${name}: "${path}" ${reason}; use a directory elsewhere, e.g. ${EXAMPLES[name]}`;
    } else if (name !== "installRoot") {
      yield* notShared(`paths.${name}`, path);
    }
  }
  for (const [i, [name, path]] of all.entries()) {
    for (const [otherName, other] of all.slice(i + 1)) {
      yield* notOverlapping(`paths.${otherName}`, other, `paths.${name}`, path);
    }
  }
};

const EXAMPLES: { readonly [name: string]: string } = {
  installRoot: DEFAULT_INSTALL_ROOT,
  dataDir: DEFAULT_DATA_DIR,
  logDir: DEFAULT_LOG_DIR,
};

export const supervisorIni: Rule = function* ({ props }) {
  yield* unless(
    "paths.supervisorProgramFile",
    props.paths?.supervisorProgramFile,
    (text) => new RegExp(PROGRAM_FILE).test(text),
    'is not a plain file name; use letters, digits, "_" and "-", without an extension, e.g. etcd-server',
  );
};

/** What a removal does not know, it takes for RETAIN. */
export const removalPolicy: Rule = function* ({ props }) {
  yield* unless(
    "removalPolicy",
    props.removalPolicy,
    (policy) => Object.values(RemovalPolicy).includes(policy),
    "is not a removal policy; use RemovalPolicy.RETAIN or RemovalPolicy.DESTROY",
  );
};

/** Users that distributions create for other software, whose processes could then read etcd's key. */
const OTHERS = new Set(
  (
    "adm backup bin daemon dbus ftp games gnats halt irc list lp mail man messagebus news nobody nogroup operator polkitd " +
    "proxy shutdown sshd sync sys syslog uucp www-data"
  ).split(" "),
);

export const user: Rule = function* ({ props, settings }) {
  yield* unless(
    "user",
    props.user,
    (text) => new RegExp(SYSTEM_USER).test(text),
    'is not a valid name for a system user; use 1 to 32 lower-case letters, digits, "_" or "-", e.g. etcd',
  );
  yield* unless(
    "user",
    props.user,
    (text) => !OTHERS.has(text) && !text.startsWith("systemd-"),
    "belongs to other software, which could then read etcd's key and data; use a separate user for etcd, e.g. etcd",
  );
  const { user } = settings;
  if (isKnown(user) && user !== "root" && settings.members.some(({ ssh }) => ssh.user === user)) {
    yield `user: "${user}" is also ssh.user, which sudo allows to become root: anyone who breaks into etcd would be root; give etcd a user of its own, e.g. ${user === "etcd" ? "etcd-server" : "etcd"}`;
  }
};
