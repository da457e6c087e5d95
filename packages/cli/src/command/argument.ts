import type { CompletionKind } from './option.ts';

interface ArgumentBase {
  /** What stands for it in help: `IMAGE`. */
  readonly placeholder: string;
  readonly help: string;
  readonly completion?: CompletionKind;
  readonly choices?: readonly string[];
}

/** One positional argument; `some` is one or more, `rest` any number. */
export type ArgumentSpec = ArgumentBase & { readonly presence: 'required' | 'optional' | 'some' | 'rest' };

/** Arguments by key, in the order they are typed; only the last may be left out or be many. */
export type ArgumentSpecs = Readonly<Record<string, ArgumentSpec>>;

/** The type of an argument's value in the hands of a command. */
export type ArgumentValue<A> = A extends { readonly presence: 'some' | 'rest' }
  ? readonly string[]
  : A extends { readonly presence: 'optional' }
    ? string | undefined
    : string;

/** What may be said about an argument besides its help. */
export type ArgumentDetails = Pick<ArgumentBase, 'completion' | 'choices'>;

/** An argument that must be given. */
export function argument(
  placeholder: string,
  help: string,
  details: ArgumentDetails = {},
): ArgumentBase & { readonly presence: 'required' } {
  return { presence: 'required', placeholder, help, ...details };
}

/** An argument that may be left out. */
export function optionalArgument(
  placeholder: string,
  help: string,
  details: ArgumentDetails = {},
): ArgumentBase & { readonly presence: 'optional' } {
  return { presence: 'optional', placeholder, help, ...details };
}

/** One argument or more. */
export function someArguments(
  placeholder: string,
  help: string,
  details: ArgumentDetails = {},
): ArgumentBase & { readonly presence: 'some' } {
  return { presence: 'some', placeholder, help, ...details };
}

/** Everything that is left, after `--` whatever it looks like. */
export function restArguments(
  placeholder: string,
  help: string,
): ArgumentBase & { readonly presence: 'rest' } {
  return { presence: 'rest', placeholder, help };
}
