/** What this program is given to be the guard beside `up`. Nobody types it: it is in no help. */
export const guardArgument = "--guard-commands-of-up"
