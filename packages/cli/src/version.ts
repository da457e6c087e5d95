/** Version of this command line; the test beside it holds it equal to package.json. */
export const VERSION = '0.1.0';
