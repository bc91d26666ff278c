import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Fn } from "cdktf";
import { Construct } from "constructs";
import { renderSideIni, type Side } from "../render/side-program";
import type { ClusterSettings, MemberSettings } from "../settings";
import { SCRIPTS_DIRECTORY, SIDE_SCRIPT_FILES } from "./host-scripts";
import { RenderedFile } from "./rendered-file";
import { SharedScripts } from "./shared-scripts";
import { textDigest } from "./text-digest";

export interface SideProgramProps {
  readonly side: Side;
  readonly cluster: ClusterSettings;
  readonly member: MemberSettings;
  /** What the program is told. */
  readonly env: string;
  /** The member's directory of rendered files. */
  readonly directory: string;
}

/** A program that supervisor runs beside etcd: its settings, the scripts, and the ini file under which it runs. */
export class SideProgram extends Construct {
  /** The whole program, in base64. */
  public readonly programBase64: string;

  /** The ini file, in base64. */
  public readonly iniBase64: string;

  /** By this digest, a change of the program or its ini file is noticed. */
  public readonly sha256: string;

  public constructor(scope: Construct, id: string, { side, cluster, member, directory, ...props }: SideProgramProps) {
    super(scope, id);
    const iniText = renderSideIni(cluster, member, side);
    const env = new RenderedFile(this, "env", { path: `${directory}/etcd-${side}.env`, text: props.env });
    const ini = new RenderedFile(this, "ini", {
      path: `${directory}/${cluster.supervisorIni}-${side}.ini`,
      text: iniText,
    });
    this.programBase64 = Fn.base64encode(
      Fn.join("\n", ["#!/bin/sh", "set -u", env.text, SharedScripts.of(this).sideScripts(side)]),
    );
    this.iniBase64 = Fn.base64encode(ini.text);
    this.sha256 = textDigest(this, "text", [props.env, iniText, scriptsOf(side)].join("\n"));
  }
}

function scriptsOf(side: Side): string {
  return SIDE_SCRIPT_FILES[side].map((file) => readFileSync(join(SCRIPTS_DIRECTORY, file), "utf8")).join("\n");
}
