/** To be imported before any schema is: the server lets no page make code of text, and schemas would try. */
import * as z from 'zod';

z.config({ jitless: true });
