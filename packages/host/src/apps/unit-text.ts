/** Texts in the syntax of systemd's unit files (systemd.syntax(7), systemd.service(5) "Command lines"). */

/** Sections of a unit, each with its lines in order. */
export type UnitSections = Readonly<Record<string, readonly (readonly [string, string])[]>>;

/** The text of a unit file. */
export function formatUnit(sections: UnitSections): string {
  const parts = Object.entries(sections).map(([name, lines]) =>
    [`[${name}]`, ...lines.map(([key, value]) => `${key}=${value}`)].join('\n'),
  );
  return `${parts.join('\n\n')}\n`;
}

/** One word that stands for exactly these characters, specifiers and variables included. */
export function unitWord(text: string): string {
  return quote(text.replaceAll('%', '%%'));
}

/** The same on a command line, where `$` begins a variable. The program itself, the first word, takes no variables. */
export function commandLine([program, ...words]: readonly [string, ...string[]]): string {
  return [unitWord(program), ...words.map((word) => unitWord(word.replaceAll('$', '$$$$')))].join(' ');
}

function quote(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t');
  return `"${escaped}"`;
}
