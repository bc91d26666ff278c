/** Commands that run another command, which comes after options, numbers and assignments. */
const WRAPPERS = /^(command|env|exec|setsid|timeout|wait_until|with_proxy|xargs)$/;
const KEYWORDS = /^(!|\{|\}|do|done|elif|else|fi|if|then|until|while)$/;

/**
 * Finds the names that are in command position in a shell text. It knows the subset of the language in which the host
 * scripts are written. Names in `$(…)` count, and those in single quotes do not.
 */
export function commandsOf(text: string): Set<string> {
  const found = new Set<string>();
  scan(text, 0, found, "");
  return found;
}

/** Reads from `start` up to the unquoted `end`; returns the position after it. */
function scan(text: string, start: number, found: Set<string>, end: string): number {
  let position = start;
  let expected = true;
  let wrapped = false;
  const cases: ("word" | "pattern" | "body")[] = [];
  let heredoc = "";
  while (position < text.length) {
    const rest = text.slice(position, position + 3);
    const character = rest[0];
    const inPattern = cases[cases.length - 1] === "pattern";
    if (character === end && !inPattern) return position + 1;
    if (character === "\n" && heredoc) {
      position = text.indexOf(`\n${heredoc}\n`, position) + heredoc.length + 1;
      heredoc = "";
      expected = true;
    } else if (rest.startsWith(";;")) {
      cases[cases.length - 1] = "pattern";
      position += 2;
    } else if (/[\n;|&()]/.test(character)) {
      if (inPattern && character === ")") cases[cases.length - 1] = "body";
      if (!inPattern || character === ")") expected = true;
      wrapped = false;
      position += 1;
    } else if (/\s/.test(character)) {
      position += 1;
    } else if (character === "#") {
      while (position < text.length && text[position] !== "\n") position += 1;
    } else if (character === "<" || character === ">") {
      const redirection = /^[<>]+&?-?[ ]*/.exec(text.slice(position, position + 8))?.[0] as string;
      const target = word(text, position + redirection.length, found);
      if (redirection === "<<") heredoc = target.text;
      position = target.next;
    } else {
      const { text: name, next } = word(text, position, found);
      position = next === position ? position + 1 : next;
      if (inPattern && name === "esac") cases.pop();
      else if (inPattern) continue;
      else if (cases[cases.length - 1] === "word") {
        if (name === "in") cases[cases.length - 1] = "pattern";
      } else if (!expected && !wrapped) continue;
      else if (name === "case") cases.push("word");
      else if (name === "esac") cases.pop();
      else if (name === "for") expected = false;
      else if (KEYWORDS.test(name) || /^\w+=/.test(name)) continue;
      else if (wrapped && /^(-.*|\d+|"?\$.*)$/.test(name)) continue;
      else if (text[position] === "(" && /^\w+$/.test(name)) expected = true;
      else {
        if (/^[a-z_][\w.-]*$/.test(name)) found.add(name);
        expected = false;
        wrapped = WRAPPERS.test(name) && !text.slice(position).startsWith(" -v");
      }
    }
  }
  return position;
}

/** Reads one word, with everything that is quoted in it. */
function word(text: string, start: number, found: Set<string>): { text: string; next: number } {
  let position = start;
  let quoted = false;
  while (position < text.length) {
    const character = text[position];
    if (text.startsWith("$((", position)) position = text.indexOf("))", position) + 2;
    else if (text.startsWith("$(", position)) position = scan(text, position + 2, found, ")");
    else if (text.startsWith("${", position)) {
      position += 2;
      while (text[position] !== "}")
        position = text.startsWith("$(", position) ? scan(text, position + 2, found, ")") : position + 1;
      position += 1;
    } else if (character === "\\") position += 2;
    else if (character === '"') {
      quoted = !quoted;
      position += 1;
    } else if (quoted) position += 1;
    else if (character === "'") position = text.indexOf("'", position + 1) + 1;
    else if (/[\s;|&()<>]/.test(character)) break;
    else position += 1;
  }
  return { text: text.slice(start, position), next: position };
}
