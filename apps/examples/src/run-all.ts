import "./workstation/main.ts"
