/** A command for a started machine: says `running` once all of it is up, or which units failed. */
export const SYSTEM_STATE = 'systemctl is-system-running --wait || systemctl --failed --no-legend';
