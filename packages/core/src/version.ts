/** Version of everything here; a test of the command line holds it equal to package.json. */
export const VERSION = '0.1.0';

/** When work on this version began, in seconds since 1970: the time of Slipway's own files in images. */
export const VERSION_SEC: number = Date.UTC(2026, 10, 20) / 1000;
