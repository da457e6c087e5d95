/** Ways in which a network, or a server in it, fails, and what was seen of it: the vocabulary of the fault proxy. */

/** One way to fail. */
export type Fault =
  /** The connection breaks after this many bytes of the answer's body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** The connection stays open and says nothing more after this many bytes of the body. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** The server answers with an error of its own. */
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** One byte of the document, counted from its beginning even in a partial answer, has all its bits flipped. */
  | { readonly kind: 'corrupt'; readonly atByte: number }
  /** Requests for a part are answered with the whole, as servers may. */
  | { readonly kind: 'ignore-range' }
  /** The connection breaks before anything is answered; the server does not see the request. */
  | { readonly kind: 'drop' }
  /** Nothing is ever answered. */
  | { readonly kind: 'silence' }
  /** The client is sent to the same path elsewhere. */
  | { readonly kind: 'redirect'; readonly status: number; readonly to: string }
  /** The server does what it is asked, and its answer is lost. */
  | { readonly kind: 'lose-answer' }
  /** The connection breaks after this many bytes of what the client sends; the server gets those. */
  | { readonly kind: 'cut-upload'; readonly afterBytes: number }
  /** The answer says it has only so many bytes, and has them. */
  | { readonly kind: 'truncate'; readonly toBytes: number }
  /** Headers of the answer are others. */
  | { readonly kind: 'headers'; readonly headers: Readonly<Record<string, string>> }
  /** The server sees another `Authorization` than the client sent: its token has ended. */
  | { readonly kind: 'authorization'; readonly value: string };

/** One request as it was seen. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  /** The `Range` header, as sent. */
  readonly range: string | undefined;
  readonly isAuthorized: boolean;
  /** Bytes of the body the client sent. */
  receivedBytes: number;
  /** Status sent to the client; 0 until there is one. */
  status: number;
  /** Bytes of the body sent to the client. */
  sentBytes: number;
  readonly fault: Fault['kind'] | undefined;
}
