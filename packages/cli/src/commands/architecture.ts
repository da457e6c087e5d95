/** The architecture of this machine as Go and OCI write it. */
export function machineArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
