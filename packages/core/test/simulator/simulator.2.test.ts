/** Half 2 of the run that precedes a merge: two files, so that two workers share it. */
import { defineHalf } from "./suite.ts"

defineHalf(1)
