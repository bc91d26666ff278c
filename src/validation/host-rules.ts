import { isPort, overlap } from "./formats";
import { isKnown, type Rule, unless } from "./problem";

export const ports: Rule = function* ({ props, settings: { peerPort, clientPort } }) {
  yield* unless("ports.peer", props.ports?.peer, isPort, "is not a TCP port; give 1 to 65535, e.g. 2380");
  yield* unless("ports.client", props.ports?.client, isPort, "is not a TCP port; give 1 to 65535, e.g. 2379");
  if (isKnown(peerPort) && peerPort === clientPort) {
    yield `ports: ${peerPort} is both the peer and the client port; give two, e.g. 2380 and 2379`;
  }
};

/** Directories that hold other things: removal with DESTROY would take those away. */
const SYSTEM = new Set(
  "/bin /boot /dev /etc /home /lib /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /usr/local /var /var/lib /var/log".split(
    " ",
  ),
);

export const paths: Rule = function* ({ settings: { installRoot, dataDir, logDir } }) {
  const all = Object.entries({ installRoot, dataDir, logDir });
  for (const [name, path] of all) {
    yield* unless(
      `paths.${name}`,
      path,
      (text) => /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9@._+-]+)+$/.test(text),
      'is not a plain absolute path; give letters, digits, "@", ".", "_", "+" and "-" between single slashes, none at the end',
    );
    if (name === "installRoot") continue;
    yield* unless(
      `paths.${name}`,
      path,
      (text) => !SYSTEM.has(text),
      "belongs to the system; give a directory of its own below it",
    );
  }
  for (const [i, [name, path]] of all.entries()) {
    for (const [otherName, other] of all.slice(i + 1)) {
      if (isKnown(path) && isKnown(other) && overlap(path, other)) {
        yield `paths.${otherName}: "${other}" overlaps with paths.${name} ("${path}"); give directories that do not lie in each other`;
      }
    }
  }
};

export const supervisorIni: Rule = function* ({ props }) {
  yield* unless(
    "paths.supervisorIni",
    props.paths?.supervisorIni,
    (text) => /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(text),
    'is not a plain file name; give letters, digits, "_" and "-", no extension, e.g. etcd-server',
  );
};

export const user: Rule = function* ({ props }) {
  yield* unless(
    "user",
    props.user,
    (text) => /^[a-z_][a-z0-9_-]{0,31}$/.test(text),
    'is not a system user\'s name; give 1 to 32 lower-case letters, digits, "_" or "-", e.g. etcd',
  );
};
