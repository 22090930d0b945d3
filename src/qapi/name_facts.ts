/** What is to be known of an event. What is not there is false, or not known. */
export interface EventFacts {
  /** The QEMU version that brought it. */
  readonly since?: string;
  /** QEMU means to drop it. */
  readonly deprecated?: true;
  /** QEMU may change or drop it at any time. */
  readonly unstable?: true;
}

/** What is to be known of a command before it is sent. What is not there is false, or not known. */
export interface CommandFacts extends EventFacts {
  /** The command to use in its place, if it is deprecated and there is one. */
  readonly instead?: string;
  /** It may be sent out of band. */
  readonly oob?: true;
  /** It is allowed before the machine is configured (`-preconfig`). */
  readonly preconfig?: true;
  /** It has no reply when it succeeds. */
  readonly noReply?: true;
}
