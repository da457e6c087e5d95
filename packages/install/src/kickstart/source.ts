/** A line and where it was written. */
export interface SourceLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly text: string;
  /** Brought in by %include, which is read after %pre has run. */
  readonly isIncluded: boolean;
}

/** Something about a file: an error that stops it, or a warning. */
export interface KickstartProblem {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Reads a file named in another; relative names are meant from where that one is. Throws when it cannot. */
export type LoadFile = (
  name: string,
  from: string,
) => Promise<{ readonly name: string; readonly text: string }>;

const MAX_DEPTH = 10;
const MAX_LINES = 1_000_000;

/** All lines of a file with the files it names put in place of their names. */
export interface ExpandedSource {
  readonly lines: readonly SourceLine[];
  readonly problems: readonly KickstartProblem[];
}

/** Puts files in the place of `%ksappend` and `%include`, wherever in the file they stand. */
export async function expandSource(name: string, text: string, load: LoadFile): Promise<ExpandedSource> {
  const lines: SourceLine[] = [];
  const problems: KickstartProblem[] = [];
  const makesFiles = /^%pre\b/m.test(text);

  async function add(file: string, content: string, isIncluded: boolean, depth: number): Promise<void> {
    const own = content.split(/\r?\n/);
    if (own.at(-1) === '') own.pop();
    for (const [index, line] of own.entries()) {
      const here = { file, line: index + 1 };
      if (lines.length >= MAX_LINES) {
        problems.push({ severity: 'error', ...here, message: `there are more than ${MAX_LINES} lines` });
        return;
      }
      const directive = /^\s*%(?<kind>include|ksappend)(?:\s+(?<target>.*?))?\s*$/.exec(line)?.groups;
      if (directive === undefined) {
        lines.push({ ...here, text: line, isIncluded });
        continue;
      }
      const target = (directive['target'] ?? '').replace(/^(["'])(.*)\1$/, '$2').replace(/\s+#.*$/, '');
      const isInclude = directive['kind'] === 'include';
      await addFile(target, here, isIncluded || isInclude, depth);
    }
  }

  async function addFile(
    target: string,
    here: { file: string; line: number },
    isIncluded: boolean,
    depth: number,
  ): Promise<void> {
    const problem = (severity: 'error' | 'warning', message: string): void => {
      problems.push({ severity, ...here, message });
    };
    if (target === '') return problem('error', 'the name of a file is missing');
    if (depth >= MAX_DEPTH)
      return problem(
        'error',
        `cannot include ${target}: files include each other more than ${MAX_DEPTH} deep`,
      );
    try {
      const file = await load(target, here.file);
      await add(file.name, file.text, isIncluded, depth + 1);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      // A script of this very file often writes what it includes.
      if (makesFiles && target.startsWith('/'))
        problem('warning', `cannot read ${target}: if %pre makes it, what it says is not checked (${why})`);
      else problem('error', `cannot read ${target}: ${why}`);
    }
    return undefined;
  }

  await add(name, text, false, 0);
  return { lines, problems };
}
