import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  BACKUP_SCRIPT_FILES,
  HOST_SCRIPT_FILES,
  REMOVAL_SCRIPT_FILES,
  SCRIPTS_DIRECTORY,
} from "../../src/provision/host-scripts";

/** The text that Terraform builds from all host scripts: every file as it is, one after the other. */
export const HOST_TEXT = textOf(HOST_SCRIPT_FILES);

/** The same for the scripts that a removal needs. */
export const REMOVAL_TEXT = textOf(REMOVAL_SCRIPT_FILES);

/** The text of the backup program's files. */
export const BACKUP_TEXT = textOf(BACKUP_SCRIPT_FILES);

function textOf(files: readonly string[]): string {
  return files.map((file) => readFileSync(join(SCRIPTS_DIRECTORY, file), "utf8")).join("\n");
}
