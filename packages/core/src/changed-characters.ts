/** How many characters of a text, of ASCII, another one does not have at their place: what tells a damaged text from another one. */
export function changedCharacters(whole: string, found: string): number {
  return Array.from(whole).filter((character, index) => character !== found[index]).length;
}
