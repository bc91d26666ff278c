import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  DISMISSAL_SCRIPT_FILES,
  HOST_SCRIPT_FILES,
  REMOVAL_SCRIPT_FILES,
  SCRIPTS_DIRECTORY,
  SIDE_SCRIPT_FILES,
} from "../../src/provision/host-scripts";

/** The text that Terraform builds from all host scripts: every file as it is, one after the other. */
export const HOST_TEXT = textOf(HOST_SCRIPT_FILES);

/** The same for the scripts that a removal needs. */
export const REMOVAL_TEXT = textOf(REMOVAL_SCRIPT_FILES);

/** The same for the scripts that a dismissal needs. */
export const DISMISSAL_TEXT = textOf(DISMISSAL_SCRIPT_FILES);

/** The text of a side program's files, without the call of its main function. */
export const SIDE_TEXTS = {
  backup: textOf(SIDE_SCRIPT_FILES.backup.slice(0, -1)),
  defragmentation: textOf(SIDE_SCRIPT_FILES.defragmentation.slice(0, -1)),
};

function textOf(files: readonly string[]): string {
  return files.map((file) => readFileSync(join(SCRIPTS_DIRECTORY, file), "utf8")).join("\n");
}
