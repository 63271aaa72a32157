// Made from contract.go by `go test ./dashboard -run TypeScript -update`. Do not edit.

export const boardRows = 10;
export const maxTimes = 170;
export const endedMin = 5;
export const formulaStarts = "=+-@\t\r\n＝＋－＠"; // as analytics/csv.go has them

export interface Fold {
  dimension: string;
  values: number;
  requests: number;
}

export interface DimensionInfo {
  id: string;
  title: string;
  none: string;
  board: boolean;
}

export interface Word {
  code: string;
  means: string;
  fault?: boolean;
}

export interface Manifest {
  version: string;
  source: string;
  made: string;
  live: boolean;
  requests: number;
  sampled: number;
  first: string | null;
  last: string | null;
  folded?: Fold[];
  searched: string[];
  dimensions: DimensionInfo[];
  reasons: Word[];
  verdicts: Word[];
}

export interface Totals {
  requests: number;
  clients: number;
  failures: number;
  errors: number;
  bytes: number;
  robots: number;
  resolved: number;
  vouched: number;
  nlb_private_ip: number;
  faults: number;
  p50: number | null;
  p90: number | null;
  p99: number | null;
}

export interface Time {
  at: string;
  requests: number;
  failures: number;
  errors: number;
  robots: number;
  nlb_private_ip: number;
  faults: number;
  p50: number | null;
  p90: number | null;
  p99: number | null;
}

export interface Heat {
  edges: number[];
  counts: number[][];
}

export interface Row {
  value: string;
  label?: string;
  requests: number;
  failures: number;
  before?: number;
  trend: number[];
}

export interface Board {
  dimension: string;
  values: number;
  requests: number;
  rows: Row[];
}

export interface Country {
  code: string;
  requests: number;
  failures: number;
}

export interface Answer {
  since: string;
  until: string;
  bucket: number;
  total: Totals;
  before?: Totals;
  times: Time[];
  times_before?: Time[];
  heat: Heat;
  boards: Board[];
  countries: Country[];
}

export interface Request {
  id: string;
  at: string;
  method: string;
  host: string;
  path: string;
  status: number;
  bytes: number;
  seconds: number | null;
  client: string;
  country: string;
  network: string;
  agent: string;
  referrer: string;
  robot: boolean;
  verdict: string;
  reason: string;
  hop: string;
  field: string;
  peer: string;
  nlb: string;
  vouched: boolean;
  shows_nlb: boolean;
  alternatives: string;
  upstream: string;
  stream: string;
}

export interface Requests {
  rows: Request[];
  next?: string;
}

export interface DiagnosePart {
  name: string;
  lines: number;
  of?: number;
}

export interface DiagnoseLine {
  source: string;
  time?: string;
  text: string;
}

export interface DiagnoseForm {
  tool: string;
  lines: string[] | null;
}

export interface DiagnoseStep {
  where: string;
  lines: string[] | null;
  forms?: DiagnoseForm[];
  note?: string;
}

export interface DiagnoseAlternative {
  code: string;
  title: string;
  tell_apart: string;
  cure?: DiagnoseStep[];
}

export interface DiagnoseFinding {
  code: string;
  hop?: string;
  title: string;
  certain: boolean;
  why?: string;
  rests_on_guess?: boolean;
  lines: number;
  of: number;
  share: number;
  health_checks?: number;
  first: string;
  last: string;
  since?: string;
  right_before?: number;
  until?: string;
  right_after?: number;
  peers?: DiagnosePart[];
  sources?: DiagnosePart[];
  evidence?: DiagnoseLine[];
  mend: string;
  cure: DiagnoseStep[] | null;
  alternatives?: DiagnoseAlternative[];
  follows_from?: string;
  same_fix?: string;
  joined?: number;
}

export interface DiagnoseNote {
  code: string;
  lines: number;
  means: string;
  why: string;
}

export interface DiagnoseMissing {
  variable: string;
  cost: string;
  sources?: string[];
}

export interface DiagnoseChoice {
  if: string;
  try: string;
}

export interface DiagnoseReadAs {
  streams: string[] | null;
  formats?: string[];
  inferred?: string;
  used?: boolean;
  lines: number;
  unparsed?: number;
  unproven?: string[];
  warnings?: string[];
  example?: string;
  try?: string;
  choices?: DiagnoseChoice[];
}

export interface DiagnoseRead {
  lines: number;
  left_out?: number;
  access: number;
  judged: number;
  health_checks: number;
  probes: number;
  refused: number;
  masked: number;
  doubtful?: number;
  past_the_nlb: number;
  in_doubt?: number;
  forged?: number;
  errors: number;
  other: number;
  unparsed: number;
  first?: string;
  last?: string;
}

export interface DiagnoseSource {
  name: string;
  hop?: string;
  lines: number;
  faulty: number;
}

export interface DiagnosePeer {
  address: string;
  lines: number;
  user_agents: number;
  why: string;
  weak?: boolean;
}

export interface DiagnoseUnlisted {
  nlb?: DiagnosePeer[];
  edge?: DiagnosePeer[];
}

export interface DiagnoseProbe {
  peer: string;
  path: string;
  user_agent: string;
  lines: number;
}

export interface DiagnoseRoles {
  nlb?: DiagnosePeer[];
  edge?: DiagnosePeer[];
  internal?: DiagnosePeer[];
  on_host?: DiagnosePeer[];
  cdn?: string[];
  probes?: DiagnoseProbe[];
}

export interface RecordTargetGroup {
  name: string;
  arn: string;
  load_balancer?: string;
  target_type: string;
  protocol: string;
  port?: number;
  proxy_protocol_v2: boolean;
  preserve_client_ip: boolean;
}

export interface DiagnoseChain {
  inferred_nlb: boolean;
  inferred_trusted: boolean;
  nlb?: string[];
  trusted?: string[];
  unlisted?: DiagnoseUnlisted;
  roles?: DiagnoseRoles;
  target_groups?: RecordTargetGroup[];
}

export interface DiagnoseJoined {
  requests: number;
  right: number;
  before_edge: number;
  edge_hands_on: number;
  edge_own_log: number;
  web: number;
  web_other?: number;
  web_masked?: number;
  sampled?: boolean;
}

export interface DiagnoseReport {
  state: string;
  findings: DiagnoseFinding[] | null;
  noted?: DiagnoseNote[];
  missing?: DiagnoseMissing[];
  unnamed?: string[];
  advice?: string[];
  read_as?: DiagnoseReadAs[];
  read: DiagnoseRead;
  sources?: DiagnoseSource[];
  chain: DiagnoseChain;
  joined?: DiagnoseJoined;
}

export interface Hop {
  id: string;
  addresses: string[];
  more: number;
  requests: number;
  broken: number;
  since?: string;
  until?: string;
}

export interface Chain {
  report: DiagnoseReport | null;
  hops: Hop[];
  unparsed: number;
  errors: number;
}

export interface Problem {
  error: string;
  key?: string;
}
