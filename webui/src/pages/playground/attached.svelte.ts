import { toast } from "../../state/toasts.svelte";
import { text } from "../../text/playground";
import { transcribed } from "./asking";
import { kindOf, pictureOf, soundOf } from "./attaching";
import type { Attachment } from "./chat";
import type { OpenChat } from "./open-chat.svelte";
import type { Playground } from "./playground.svelte";

/** What goes along with the next message. */
export class Attaching {
  attached = $state.raw<Attachment[]>([]);
  /** What is being done with a file. */
  working = $state("");
  /** Why a recording could not be taken. */
  deaf = $state("");
  /** What was heard in a recording; the composer takes it. */
  heard = $state("");

  constructor(
    private readonly playground: () => Playground,
    private readonly open: () => OpenChat,
  ) {}

  async add(file: File): Promise<void> {
    const kind = kindOf(file);
    try {
      if (kind === "image") this.append(await pictureOf(file));
      else if (kind === "audio") await this.addSound(file);
      else toast.error(new Error(text.attach.otherKind(file.name)));
    } catch (error) {
      toast.error(error);
    } finally {
      this.working = "";
    }
  }

  remove(attachment: Attachment): void {
    this.attached = this.attached.filter((each) => each !== attachment);
  }

  clear(): void {
    this.attached = [];
    this.deaf = "";
  }

  private append(attachment: Attachment): void {
    this.attached = [...this.attached, attachment];
  }

  private async addSound(file: File): Promise<void> {
    const playground = this.playground();
    const { model } = this.open().chat;
    this.deaf = "";
    if (playground.models.value === undefined) await playground.models.reload();
    if (playground.choice(model).sound) {
      this.append(await soundOf(file));
      return;
    }
    const { listener } = playground;
    if (listener === null) {
      this.deaf = text.attach.deaf(model);
      return;
    }
    this.working = text.attach.hearing(file.name, listener);
    const words = await transcribed(file, listener, playground.key.trim());
    this.heard = text.attach.heard(file.name, words);
  }
}
