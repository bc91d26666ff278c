import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Fn } from "cdktf";
import { Construct } from "constructs";
import { renderBackupEnv, renderBackupIni } from "../render/backup-program";
import type { BackupSettings, ClusterSettings, MemberSettings } from "../settings";
import { BACKUP_RUN_FILE, BACKUP_SCRIPT_FILES, SCRIPTS_DIRECTORY } from "./host-scripts";
import { RenderedFile } from "./rendered-file";
import { SharedScripts } from "./shared-scripts";
import { textDigest } from "./text-digest";

export interface BackupProgramProps {
  /** Path of the cluster's construct. */
  readonly path: string;
  readonly cluster: ClusterSettings;
  readonly member: MemberSettings;
  readonly backups: BackupSettings;
  /** The member's directory of rendered files. */
  readonly directory: string;
}

/** A member's backup program: its settings, the scripts, and the ini file under which supervisor runs it. */
export class BackupProgram extends Construct {
  /** The whole program, in base64. */
  public readonly programBase64: string;

  /** The ini file, in base64. */
  public readonly iniBase64: string;

  /** By this digest, a change of the program or its ini file is noticed. */
  public readonly sha256: string;

  public constructor(scope: Construct, id: string, { path, cluster, member, backups, directory }: BackupProgramProps) {
    super(scope, id);
    const envText = renderBackupEnv(path, cluster, member, backups);
    const iniText = renderBackupIni(cluster, member);
    const env = new RenderedFile(this, "env", { path: `${directory}/etcd-backup.env`, text: envText });
    const ini = new RenderedFile(this, "ini", {
      path: `${directory}/${cluster.supervisorIni}-backup.ini`,
      text: iniText,
    });
    this.programBase64 = Fn.base64encode(
      Fn.join("\n", ["#!/bin/sh", "set -u", env.content, SharedScripts.of(this).backupScripts]),
    );
    this.iniBase64 = Fn.base64encode(ini.content);
    this.sha256 = textDigest(this, "text", [envText, iniText, scriptsText()].join("\n"));
  }
}

function scriptsText(): string {
  return [...BACKUP_SCRIPT_FILES, BACKUP_RUN_FILE]
    .map((file) => readFileSync(join(SCRIPTS_DIRECTORY, file), "utf8"))
    .join("\n");
}
