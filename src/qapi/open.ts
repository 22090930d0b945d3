/** A string type that completes the known names and takes others: a newer QEMU may have more. */
export type Open<Known extends string> = Known | (string & Record<never, never>);

/**
 * The discriminator of a received variant that these types don't list, since a newer QEMU may have more.
 *
 * At run time it is any string. Its type is a pattern that no listed name matches, since TypeScript tells no variants
 * apart where one of them has a plain `string`; the variants' `default:` case has it, and it can be used as a string.
 */
export type Unlisted = `${string} (not listed)`;
