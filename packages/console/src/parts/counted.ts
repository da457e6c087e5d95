/** A number and what is counted, given in the plural: `1 device`, `1,200 devices`. */
export function counted(count: number, plural: string): string {
  const name = count === 1 ? plural.replace(/ies$/, 'y').replace(/s$/, '') : plural;
  return `${count.toLocaleString('en')} ${name}`;
}
