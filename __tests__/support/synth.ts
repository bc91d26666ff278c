import { join } from "node:path";
import { TerraformStack, Testing } from "cdktf";
import { EtcdCluster } from "../../src/etcd-cluster";
import type { EtcdClusterProps } from "../../src/settings";
import { RUNBOOK } from "./settings";
import { temporaryDirectory } from "./temporary-directory";

/** A provisioner in Terraform's JSON: its type and its body. */
export interface Provisioner {
  readonly "remote-exec"?: {
    readonly connection: object;
    readonly inline: string[];
    readonly when?: string;
    readonly on_failure?: string;
  };
  readonly file?: {
    readonly connection: object;
    readonly destination: string;
    readonly content?: string;
    readonly source?: string;
  };
}

/** The arguments of a resource that tests look at; the other arguments have no type here. */
export interface Block {
  readonly depends_on?: string[];
  readonly for_each?: { [key: string]: { [key: string]: string } };
  readonly input?: string | { [key: string]: string };
  readonly lifecycle?: object;
  readonly provisioner?: Provisioner[];
  readonly triggers?: { [name: string]: string };
  readonly [argument: string]: unknown;
}

/**
 * Synthesized JSON, made readable: `null_resource.etcd_stage_1A2B3C4D` becomes `null_resource.etcd_stage`, and a word
 * stands for the host scripts.
 */
export interface StackJson {
  readonly locals?: { [name: string]: string };
  readonly output?: { [name: string]: object };
  readonly provider: { [type: string]: object[] };
  readonly resource: { [type: string]: { [id: string]: Block } };
}

export const HOST_SCRIPTS = "<host scripts>";
/** The word for those of them that a removal needs. */
export const REMOVAL_SCRIPTS = "<removal scripts>";
/** The word for those that a dismissal needs. */
export const DISMISSAL_SCRIPTS = "<dismissal scripts>";

/** CDKTF ends each id with a hash of its path. */
const HASH = /_[0-9A-F]{8}(?![0-9A-Za-z_-])/g;

const outdir = temporaryDirectory();

/** The directory in which Terraform would run. */
export const STACK_DIRECTORY = join(outdir, "stacks", "etcd");

/** An empty stack `etcd`. */
export function emptyStack(): TerraformStack {
  return new TerraformStack(Testing.app({ outdir }), "etcd");
}

/** The JSON of a stack `etcd`; the validations run, too. */
export function synth(build: (stack: TerraformStack) => void): StackJson {
  const stack = emptyStack();
  build(stack);
  return readable(Testing.synth(stack, true));
}

/** The JSON of the runbook's cluster with some props changed, as `etcd` in its stack. */
export function synthCluster(props: Partial<EtcdClusterProps> = {}): StackJson {
  return synth((stack) => new EtcdCluster(stack, "etcd", { ...RUNBOOK, ...props }));
}

/**
 * Removes the hash from every id and from the directory of the scripts, and puts a word in place of the expression that
 * reads them.
 */
export function readable(json: string): StackJson {
  return JSON.parse(json.replace(HASH, ""), (_, value) => {
    if (typeof value !== "string") return value;
    if (!READS_SCRIPTS.test(value))
      return value.replace(/(?<=\/assets\/etcd-host-scripts_files)\/[0-9A-F]{32}(?=\/)/g, "");
    if (value.includes("phases/preflight.sh")) return HOST_SCRIPTS;
    return value.includes("phases/dismiss.sh") ? DISMISSAL_SCRIPTS : REMOVAL_SCRIPTS;
  });
}

const READS_SCRIPTS =
  /^\$\{join\("\\n", \[for name in \[("(lib|phases)\/[a-z-]+\.sh"(, )?)+\] : file\("\$\{path\.module\}\/assets\/[\w-]+\/[0-9A-F]{32}\/\$\{name\}"\)\]\)\}$/;

/** A resource by its address, `null_resource.etcd_health`. */
export function find(json: StackJson, address: string): Block {
  const [type, id] = address.split(".");
  const block = json.resource[type]?.[id];
  if (!block) throw new Error(`no ${address} among ${addresses(json).join(", ")}`);
  return block;
}

/** The addresses of all resources, sorted. */
export function addresses(json: StackJson): string[] {
  return Object.entries(json.resource)
    .flatMap(([type, blocks]) => Object.keys(blocks).map((id) => `${type}.${id}`))
    .sort();
}

/**
 * What Terraform waits for before it touches a resource: `depends_on` and references, directly or through locals;
 * sorted.
 */
export function dependencies(json: StackJson, address: string): string[] {
  const names = [...addresses(json), ...Object.keys(json.locals ?? {}).map((name) => `local.${name}`)];
  const text = JSON.stringify(
    address.startsWith("local.") ? json.locals?.[address.slice("local.".length)] : find(json, address),
    // Addresses in messages are only text, so Terraform does not wait for them.
  ).replace(/(_RESOURCE|ROLLOUTS|STAGES)='[^']*'/g, "");
  return names.filter((name) => new RegExp(`${name.replace(".", "\\.")}(?![0-9A-Za-z_-])`).test(text)).sort();
}

/** The same, with what those wait for, and so on. */
export function allDependencies(json: StackJson, address: string): string[] {
  const seen = new Set<string>();
  const visit = (name: string) => {
    for (const next of dependencies(json, name)) {
      if (!seen.has(next)) {
        seen.add(next);
        visit(next);
      }
    }
  };
  visit(address);
  return [...seen].sort();
}
