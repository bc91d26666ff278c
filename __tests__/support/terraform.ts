import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LAB = join(__dirname, "..", "..", "lab");

/**
 * The lab's mirror of the providers. It is undefined, with a warning, if `lab/prepare` has not run or Terraform is
 * missing.
 */
export function providerMirror(): string | undefined {
  const script =
    'LAB_CODE=$0; . "$0/parts/common.sh"; . "$0/parts/cache.sh"; . "$0/parts/providers.sh"; providers_mirror';
  const mirror = execFileSync("bash", ["-c", script, LAB], { encoding: "utf8" });
  if (existsSync(mirror) && spawnSync("terraform", ["version"]).status === 0) return mirror;
  console.warn(
    "SKIPPED: `terraform validate` was not run, because Terraform or the mirror of the providers is missing; lab/prepare builds the mirror",
  );
  return undefined;
}

/** Terraform with an empty home directory and the providers of the mirror; it does not use the network. */
export class Terraform {
  private readonly environment: NodeJS.ProcessEnv;

  public constructor(home: string, mirror: string) {
    mkdirSync(join(home, ".ssh"), { recursive: true });
    // Terraform reads the key files even for `validate`.
    for (const key of ["id_ed25519", "id_rsa"]) writeFileSync(join(home, ".ssh", key), "a key\n");
    const config = join(home, "terraform.rc");
    writeFileSync(
      config,
      `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`,
    );
    this.environment = { HOME: home, PATH: process.env.PATH, CHECKPOINT_DISABLE: "1", TF_CLI_CONFIG_FILE: config };
  }

  /** Runs Terraform in a directory and returns its output; if it fails, the error contains the output. */
  public run(directory: string, ...args: string[]): string {
    const { status, stdout, stderr } = spawnSync("terraform", args, {
      cwd: directory,
      encoding: "utf8",
      env: this.environment,
    });
    if (status !== 0) throw new Error(`terraform ${args.join(" ")} in ${directory}\n${stdout}${stderr}`);
    return stdout;
  }
}
