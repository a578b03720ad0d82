// Types of the panels' scripts, for the checker alone: nothing of it reaches a page. What a widget syncs stands above
// its `render`, as `<class>Traits`; a test compares those with the Python classes.

/** anywidget's model of a widget. */
interface Model<T> {
  get<K extends keyof T & string>(name: K): T[K];
  set<K extends keyof T & string>(name: K, value: T[K]): void;
  save_changes(): void;
  send(content: object, callbacks?: undefined, buffers?: DataView[]): void;
  on(name: string, act: (...values: any[]) => void): void;
  off(name: string, act: (...values: any[]) => void): void;
}

/** What `render` is called with. */
interface View<T> {
  model: Model<T>;
  el: HTMLElement;
}

/** Traits of every panel of ours: `nbviz.panels.base.front.Front`. */
interface Front {
  state: "ready" | "computing" | "partial" | "nothing" | "refused" | "failed";
  message: string;
  details: string;
}

/** What `lifetime` gives. */
interface Life {
  listen<N extends EventTarget>(
    node: N,
    name: string,
    act: (event: any) => unknown,
    options?: AddEventListenerOptions,
  ): N;
  watch(names: string, paint: () => unknown): void;
  receive(act: (message: any, buffers: DataView[]) => void): void;
  after(act: () => void): void;
  end(): void;
}

/** Text, or text in another voice. */
type Runs = (string | [text: string, voice: "strong" | "em" | "warn"])[];
/** Row and column of a picture as fractions in 0…1. */
type Place = [row: number, column: number];
/** A row of a select box. */
type Option = [value: string, text: string, title?: string];
/** A button of a switch. */
type Choice = [key: string, text: string, title?: string, enabled?: boolean];
/** What one picture of a frame says to the others. */
type Told =
  | { kind: "place"; place: Place | null; pinned: boolean }
  | { kind: "press"; place: Place }
  | { kind: "ask" }
  | { kind: "value"; text: string };

/** Tiles side by side in one picture, in its pixels. */
interface Sheet {
  columns: number;
  rows?: number;
  tile_width: number;
  tile_height: number;
  gap: number;
}
/** The same with square tiles. */
interface Squares {
  columns: number;
  rows: number;
  side: number;
  gap: number;
}

interface LayerRow {
  name: string;
  text: string;
  kind: string;
  shape: string;
  depth: number;
  kids: boolean;
  called: boolean;
  tip: string;
}
interface PartRow {
  letter: string;
  colour: string;
  share: string;
  gain: string;
  channels: number[];
  words: string;
  tips: [string, string];
}
interface MadePicture {
  state?: "" | "absent" | "computing" | "there" | "failed";
  words?: string;
  progress?: string;
  rise?: number[][];
  steps?: number;
  variant?: string;
  button?: string;
}
interface FoundPictures {
  state?: string;
  label?: string;
  tiles?: [string, [number, number, number, number], number][];
  sheet?: Squares;
  whole?: Squares;
  profile?: string;
  more?: string;
  button?: string;
}
interface MethodOption {
  name: string;
  title: string;
  sentence: string;
  kind: string;
  value: any;
  low: number | null;
  high: number | null;
  changed: boolean;
  choices: any[];
}
