/** `completions`: scripts for shells, made of the tree of commands. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import * as Console from "effect/Console"
import { programName } from "../program.ts"

/** The scripts say how to install them by a flag, which is a command here. */
const scriptFor = (shell: Completions.Shell, root: Command.Command.Any): string =>
  Completions.generate(programName, shell, Completions.fromCommand(root)).replaceAll("--completions ", "completions ")

/** `root` is asked for when it runs: this command is a part of it. */
export const completions = (root: () => Command.Command.Any) =>
  Command.make(
    "completions",
    {
      shell: Argument.Literals("shell", ["bash", "zsh", "fish"]).pipe(
        Argument.withMetavar("SHELL"),
        Argument.withDescription("bash, zsh or fish")
      )
    },
    ({ shell }) => Console.log(scriptFor(shell, root()))
  ).pipe(
    Command.withDescription("Print a script that completes commands and flags in a shell."),
    Command.withShortDescription("Complete commands and flags in a shell"),
    Command.withExamples([
      { command: 'eval "$(resource-manager completions bash)"', description: "In ~/.bashrc" },
      {
        command: "resource-manager completions zsh > ~/.zfunc/_resource-manager",
        description: "In a folder of $fpath"
      },
      {
        command: "resource-manager completions fish > ~/.config/fish/completions/resource-manager.fish"
      }
    ])
  )
