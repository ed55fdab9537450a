/**
 * Imports a package or a file as a module in another folder would: a plugin is
 * installed beside the settings that name it, and not beside this program.
 */
import * as nodeModule from "node:module"
import { pathToFileURL } from "node:url"

/** Loads `specifier` as a file in `folder` would. Rejects as `import` does. */
export const importFrom = async (specifier: string, folder: string): Promise<unknown> => {
  const parentURL = `${pathToFileURL(folder).href}/`
  let isFirst = true
  const hooks = nodeModule.registerHooks({
    resolve: (name, context, next) => {
      // What the plugin itself imports is found from where it stands.
      if (!isFirst || name !== specifier) return next(name, context)
      isFirst = false
      return next(name, { ...context, parentURL })
    }
  })
  try {
    return await import(specifier)
  } finally {
    hooks.deregister()
  }
}

/** The manifest of the package `name` as a file in `folder` would find it. */
export const manifestOf = (name: string, folder: string): string | undefined => {
  try {
    return nodeModule.findPackageJSON(name, `${pathToFileURL(folder).href}/`)
  } catch {
    return undefined
  }
}
